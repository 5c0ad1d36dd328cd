"""A cluster of real members: starting, failing, recovering."""

import sys
import threading

import pytest

from etcd_factory import ETCDService
from etcd_factory.testing import EtcdCluster, ServerError
from etcd_factory.testing import cluster as module
from tests.support.processes import is_running, listening_on

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="etcd is signalled")

SHORT = "--command-timeout=300ms"


@pytest.fixture
def key(request):
    return request.node.name


@pytest.fixture
def leader(etcd_cluster):
    return etcd_cluster.leader


@pytest.fixture
def leader_index(etcd_cluster, leader):
    return etcd_cluster.members.index(leader)


def proxy_threads():
    return [thread for thread in threading.enumerate() if thread.name == "etcd proxy"]


def ids(cluster):
    return {member.status().id for member in cluster}


def test_its_members_form_one_cluster(etcd_cluster, key):
    etcd_cluster[0].etcdctl("put", key, "v")
    assert [member.etcdctl("get", key) for member in etcd_cluster] == [f"{key}\nv"] * 3
    assert len(ids(etcd_cluster)) == len(etcd_cluster) == 3
    assert etcd_cluster.endpoints == tuple(member.endpoint for member in etcd_cluster.members)
    assert etcd_cluster.endpoint in etcd_cluster.endpoints


def test_all_members_follow_the_leader(etcd_cluster, leader):
    assert {member.status().leader for member in etcd_cluster} == {leader.status().id}


def test_a_client_accepts_all_its_endpoints(etcd_cluster, key):
    with ETCDService({"hosts": list(etcd_cluster.endpoints)}) as client:
        client.put(key).value("v")
        assert client.get(key).string() == "v"


def test_a_killed_leader_is_succeeded(etcd_cluster, leader, key):
    leader.kill()
    assert etcd_cluster.leader is not leader
    assert etcd_cluster.leader.etcdctl("put", key, "v") == "OK"
    leader.start()
    assert leader.etcdctl("get", key) == f"{key}\nv"


def test_a_paused_leader_is_succeeded(etcd_cluster, leader):
    leader.pause()
    assert leader.status() is None
    assert etcd_cluster.leader is not leader
    leader.resume()
    assert leader.etcdctl("get", "k") == ""


def test_a_restarted_member_keeps_its_id_endpoint_and_data(etcd_cluster, key):
    member = etcd_cluster[0]
    known, endpoint = member.status().id, member.endpoint
    member.etcdctl("put", key, "v")
    assert member.restart().etcdctl("get", key) == f"{key}\nv"
    assert (member.status().id, member.endpoint) == (known, endpoint)


def test_killed_members_restart_together_with_their_data(etcd_cluster, key):
    etcd_cluster[0].etcdctl("put", key, "v")
    for member in etcd_cluster:
        member.kill()
    assert etcd_cluster.start() is etcd_cluster
    assert [member.etcdctl("get", key) for member in etcd_cluster] == [f"{key}\nv"] * 3


def test_a_wiped_member_refuses_to_start():
    with EtcdCluster() as cluster:  # of its own: a member that has replaced another one would join
        wiped = cluster.leader
        wiped.wipe()
        assert cluster.leader is not wiped  # the others answer: etcd asks them for a second, and else starts anew
        with pytest.raises(ServerError, match="has already been bootstrapped"):
            wiped.start()


def test_a_wiped_member_is_replaced_by_an_empty_one_that_catches_up(etcd_cluster, leader, leader_index, key):
    leader.etcdctl("put", key, "v")
    before, peer_url = ids(etcd_cluster), leader.peer_url
    leader.wipe()
    replaced = etcd_cluster.replace(leader_index)
    assert replaced is etcd_cluster[leader_index]
    assert replaced.etcdctl("get", key) == f"{key}\nv"
    assert replaced.status().id not in before
    assert replaced.peer_url == peer_url
    assert len(ids(etcd_cluster)) == 3


def test_a_partitioned_leader_is_succeeded_and_cannot_write(etcd_cluster, leader, leader_index, key):
    etcd_cluster.partition(leader_index)
    while (other := etcd_cluster.leader) is leader:  # bounded by the election
        pass
    with pytest.raises(ServerError):
        leader.etcdctl(SHORT, "put", key, "lost")
    other.etcdctl("put", key, "v")
    assert leader.etcdctl("get", key, "--consistency=s") == ""
    etcd_cluster.heal(leader_index)
    assert etcd_cluster.start().leader is not None
    assert leader.etcdctl("get", key) == f"{key}\nv"


def test_restore_undoes_every_fault(etcd_cluster, key):
    etcd_cluster[0].etcdctl("put", key, "v")
    etcd_cluster[0].pause()
    etcd_cluster[1].wipe()
    etcd_cluster.partition(2)
    etcd_cluster.restore()
    assert [member.etcdctl("get", key) for member in etcd_cluster] == [f"{key}\nv"] * 3


def test_restore_after_the_loss_of_most_data_starts_empty(etcd_cluster, key):
    etcd_cluster[0].etcdctl("put", key, "v")
    etcd_cluster[1].stop()
    etcd_cluster[2].wipe()
    etcd_cluster.restore()
    assert [member.etcdctl("get", key) for member in etcd_cluster] == [""] * 3


def test_stop_leaves_no_process_directory_or_thread(temp_dir):
    before = len(proxy_threads())
    with EtcdCluster(2) as cluster:
        pids = [member.pid for member in cluster]
        cluster[0].pause()
        assert len(proxy_threads()) == before + 2
    cluster.stop()
    assert not any(map(is_running, pids))
    assert list(temp_dir.iterdir()) == []
    assert len(proxy_threads()) == before


def test_a_cluster_may_have_one_member():
    with EtcdCluster(1, args=["--quota-backend-bytes=16777216"]) as cluster:
        assert cluster.leader is cluster[0]
        assert "EtcdServer member0 at" in repr(cluster)
        assert cluster[0].args[-1] == "--quota-backend-bytes=16777216"


def test_a_cluster_without_members_is_an_error():
    with pytest.raises(ValueError, match="at least one member, not 0"):
        EtcdCluster(0)


def test_ports_taken_before_the_first_start_are_replaced(temp_dir):
    cluster = EtcdCluster(2)
    endpoint = cluster.endpoint
    with listening_on(endpoint), cluster:
        assert cluster.endpoint != endpoint
        assert cluster.leader in cluster.members
    assert list(temp_dir.iterdir()) == []


def test_an_unknown_flag_is_reported_and_leaves_nothing_behind(temp_dir):
    before = len(proxy_threads())
    with pytest.raises(ServerError, match="flag provided but not defined: -no-such-flag"):
        EtcdCluster(args=["--no-such-flag"]).start()
    assert list(temp_dir.iterdir()) == []
    assert len(proxy_threads()) == before


def test_without_a_majority_there_is_no_leader(etcd_cluster, monkeypatch):
    monkeypatch.setattr(module, "READY_S", 0.2)
    etcd_cluster[0].kill()
    etcd_cluster[1].kill()
    with pytest.raises(ServerError, match=r"no leader that 2 of 3 members follow within 0.2 s"):
        _ = etcd_cluster.leader
