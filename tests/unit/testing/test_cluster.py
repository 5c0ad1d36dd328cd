"""A cluster of real members: their life together, and what can be done to them."""

import os
import socket
import sys
import tempfile
import threading
from contextlib import contextmanager

import pytest

from etcd_factory import ETCDService
from etcd_factory.testing import EtcdCluster, ServerError
from etcd_factory.testing import cluster as module

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="etcd is signalled")

QUICKLY = "--command-timeout=300ms"


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Where temporary directories are made, to see what is left of them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def key(request):
    return request.node.name


@pytest.fixture
def leader(etcd_cluster):
    return etcd_cluster.leader


@pytest.fixture
def place(etcd_cluster, leader):
    """The leader's index."""
    return etcd_cluster.members.index(leader)


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def proxies():
    return [thread for thread in threading.enumerate() if thread.name == "etcd proxy"]


@contextmanager
def taken(endpoint):
    """A listener of somebody else's."""
    host, port = endpoint.split(":")
    with socket.create_server((host, int(port))):
        yield


def ids(cluster):
    return {member.status().id for member in cluster}


def test_its_members_are_one_cluster(etcd_cluster, key):
    etcd_cluster[0].etcdctl("put", key, "v")
    assert [member.etcdctl("get", key) for member in etcd_cluster] == [f"{key}\nv"] * 3
    assert len(ids(etcd_cluster)) == len(etcd_cluster) == 3
    assert etcd_cluster.endpoints == tuple(member.endpoint for member in etcd_cluster.members)
    assert etcd_cluster.endpoint in etcd_cluster.endpoints


def test_all_follow_the_one_that_leads(etcd_cluster, leader):
    assert {member.status().leader for member in etcd_cluster} == {leader.status().id}


def test_a_client_takes_all_its_endpoints(etcd_cluster, key):
    with ETCDService({"hosts": list(etcd_cluster.endpoints)}) as client:
        client.put(key).value("v")
        assert client.get(key).string() == "v"


def test_when_the_leader_is_killed_another_one_leads(etcd_cluster, leader, key):
    leader.kill()
    assert etcd_cluster.leader is not leader
    assert etcd_cluster.leader.etcdctl("put", key, "v") == "OK"
    leader.start()
    assert leader.etcdctl("get", key) == f"{key}\nv"


def test_when_the_leader_is_paused_another_one_leads(etcd_cluster, leader):
    leader.pause()
    assert leader.status() is None
    assert etcd_cluster.leader is not leader
    leader.resume()
    assert leader.etcdctl("get", "k") == ""


def test_a_restarted_member_keeps_its_place_and_data(etcd_cluster, key):
    member = etcd_cluster[0]
    known, endpoint = member.status().id, member.endpoint
    member.etcdctl("put", key, "v")
    assert member.restart().etcdctl("get", key) == f"{key}\nv"
    assert (member.status().id, member.endpoint) == (known, endpoint)


def test_all_killed_members_start_together_with_their_data(etcd_cluster, key):
    etcd_cluster[0].etcdctl("put", key, "v")
    for member in etcd_cluster:
        member.kill()
    assert etcd_cluster.start() is etcd_cluster
    assert [member.etcdctl("get", key) for member in etcd_cluster] == [f"{key}\nv"] * 3


def test_a_wiped_member_does_not_start_as_if_nothing_had_happened(leader):
    leader.wipe()
    with pytest.raises(ServerError, match="has already been bootstrapped"):
        leader.start()


def test_a_wiped_member_is_replaced_by_one_that_learns_all(etcd_cluster, leader, place, key):
    leader.etcdctl("put", key, "v")
    before, peer_url = ids(etcd_cluster), leader.peer_url
    leader.wipe()
    fresh = etcd_cluster.replace(place)
    assert fresh is etcd_cluster[place]
    assert fresh.etcdctl("get", key) == f"{key}\nv"
    assert fresh.status().id not in before
    assert fresh.peer_url == peer_url
    assert len(ids(etcd_cluster)) == 3


def test_a_member_that_is_cut_off_loses_the_lead_and_writes_nothing(etcd_cluster, leader, place, key):
    etcd_cluster.partition(place)
    while (other := etcd_cluster.leader) is leader:  # bounded by the election
        pass
    with pytest.raises(ServerError):
        leader.etcdctl(QUICKLY, "put", key, "lost")
    other.etcdctl("put", key, "v")
    assert leader.etcdctl("get", key, "--consistency=s") == ""
    etcd_cluster.heal(place)
    assert etcd_cluster.start().leader is not None
    assert leader.etcdctl("get", key) == f"{key}\nv"


def test_restoring_undoes_everything(etcd_cluster, key):
    etcd_cluster[0].etcdctl("put", key, "v")
    etcd_cluster[0].pause()
    etcd_cluster[1].wipe()
    etcd_cluster.partition(2)
    etcd_cluster.restore()
    assert [member.etcdctl("get", key) for member in etcd_cluster] == [f"{key}\nv"] * 3


def test_restoring_what_has_lost_most_data_begins_anew(etcd_cluster, key):
    etcd_cluster[0].etcdctl("put", key, "v")
    etcd_cluster[1].stop()
    etcd_cluster[2].wipe()
    etcd_cluster.restore()
    assert [member.etcdctl("get", key) for member in etcd_cluster] == [""] * 3


def test_stopping_leaves_no_process_no_directory_and_no_thread(homes):
    before = len(proxies())
    with EtcdCluster(2) as cluster:
        pids = [member.pid for member in cluster]
        cluster[0].pause()
        assert len(proxies()) == before + 2
    cluster.stop()
    assert not any(map(exists, pids))
    assert list(homes.iterdir()) == []
    assert len(proxies()) == before


def test_one_member_is_a_cluster_too():
    with EtcdCluster(1, args=["--quota-backend-bytes=16777216"]) as cluster:
        assert cluster.leader is cluster[0]
        assert "EtcdServer member0 at" in repr(cluster)
        assert "--quota-backend-bytes=16777216" in cluster[0]._flags()


def test_no_member_is_no_cluster():
    with pytest.raises(ValueError, match="at least one member, not 0"):
        EtcdCluster(0)


def test_ports_taken_before_the_first_start_are_exchanged(homes):
    cluster = EtcdCluster(2)
    endpoint = cluster.endpoint
    with taken(endpoint), cluster:
        assert cluster.endpoint != endpoint
        assert cluster.leader in cluster.members
    assert list(homes.iterdir()) == []


def test_a_fault_in_the_flags_is_told_and_leaves_nothing(homes):
    before = len(proxies())
    with pytest.raises(ServerError, match="flag provided but not defined: -no-such-flag"):
        EtcdCluster(args=["--no-such-flag"]).start()
    assert list(homes.iterdir()) == []
    assert len(proxies()) == before


def test_without_a_majority_nobody_leads(etcd_cluster, monkeypatch):
    monkeypatch.setattr(module, "READY_S", 0.2)
    etcd_cluster[0].kill()
    etcd_cluster[1].kill()
    with pytest.raises(ServerError, match=r"no leader that 2 of 3 members follow within 0.2 s"):
        _ = etcd_cluster.leader
