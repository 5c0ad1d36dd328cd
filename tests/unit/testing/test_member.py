"""One member of a cluster: its flags, its data, what its proxy blocks."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from etcd_factory.testing.member import Member, PeerProxy, peer_header
from etcd_factory.testing.tcp_ports import HOST

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="etcd is signalled")

PEER = "http://127.0.0.1:2380"
UNAVAILABLE = b'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\n\r\n{"code": 14}'
BOUND = 10  # seconds that nothing here takes


@pytest.fixture
def members():
    return [Member(name, binary=None, tls=None, args=["--max-txn-ops=256"]) for name in ("one", "two")]


@pytest.fixture
def member(members):
    return members[0]


@pytest.fixture
def target():
    """A listener that peers are forwarded to."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(BOUND)
        yield listener


@pytest.fixture
def proxy(target):
    with PeerProxy(f"{HOST}:{target.getsockname()[1]}") as proxy:
        yield proxy


def connect(proxy):
    host, port = proxy.endpoint.split(":")
    return socket.create_connection((host, int(port)), BOUND)


def test_others_reach_it_through_its_proxy(member):
    assert member.peer_url == f"http://{member.peer_proxy.endpoint}"


def test_it_joins_all_members_by_their_proxies(members, member):
    member.join(members, "new")
    cluster = ",".join(f"{one.name}={one.peer_url}" for one in members)
    assert f"--initial-cluster={cluster}" in member.args
    assert f"--listen-peer-urls=http://{member.peer_proxy.target}" in member.args
    assert "--initial-cluster-state=new" in member.args
    assert member.args[-1] == "--max-txn-ops=256"


def test_it_is_empty_and_has_no_status_before_its_first_start(member):
    assert member.is_empty
    assert member.status() is None


def test_its_data_is_there_until_it_is_wiped(member):
    member.join([member], "new")
    with member.peer_proxy, member:
        assert not member.is_empty
        member.wipe()
        assert member.is_empty


def test_a_paused_member_has_no_status(etcd_cluster):
    member = etcd_cluster[0]
    member.pause()
    assert member.is_paused
    assert member.status() is None
    member.resume()
    assert member.status().id


@pytest.mark.parametrize("reply", [b"", UNAVAILABLE])
def test_a_member_that_does_not_answer_as_one_has_no_status(etcd_cluster, target, monkeypatch, reply):
    monkeypatch.setattr(Member, "endpoint", f"{HOST}:{target.getsockname()[1]}")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(etcd_cluster[0].status)
        connection, _ = target.accept()
        with connection:
            assert connection.recv(1024).startswith(b"POST /v3/maintenance/status")
            connection.sendall(reply)
        assert asked.result(BOUND) is None


def test_bytes_of_a_blocked_peer_break_its_connection(proxy, target):
    proxy.block(PEER)
    with connect(proxy) as blocked, connect(proxy) as other:
        blocked.sendall(b"GET /raft HTTP/1.1\r\nX-PeerURLs: " + peer_header(PEER))
        with pytest.raises(ConnectionResetError):
            blocked.recv(1)
        other.sendall(b"X-PeerURLs: " + peer_header(f"{PEER}0"))
        assert forwarded(target).endswith(b"23800\r\n")


def test_an_unblocked_peer_is_forwarded_again(proxy, target):
    proxy.block(PEER)
    proxy.unblock(PEER)
    with connect(proxy) as peer:
        peer.sendall(peer_header(PEER))
        assert forwarded(target) == peer_header(PEER)


def forwarded(listener):
    """The first bytes that reach the target; connections that end without any are skipped."""
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(BOUND)
            try:
                if data := connection.recv(1024):
                    return data
            except ConnectionResetError:
                continue
