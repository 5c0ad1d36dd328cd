"""An etcd process of one's own: its life, its data, its end."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from etcd_factory.testing import EtcdServer, ServerError
from etcd_factory.testing import server as module
from etcd_factory.testing.ports import HOST

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="etcd is signalled")


@pytest.fixture(autouse=True)
def homes(tmp_path, monkeypatch):
    """Where temporary directories are made, to see what is left of them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def server():
    with EtcdServer() as server:
        yield server


@contextmanager
def taken(endpoint):
    """A listener of somebody else's."""
    host, port = endpoint.split(":")
    with socket.create_server((host, int(port))):
        yield


def gone(pid):
    """Whether the process ends within 10 s; one that is not our child can't be waited for otherwise."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with open(fd, "rb", buffering=0):
        return bool(select.select([fd], [], [], 10)[0])


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_started_server_serves(server):
    with urlopen(f"{server.url}/version") as answer:
        assert server.version in answer.read().decode()
    assert server.endpoints == (server.endpoint,)
    assert server.endpoint.startswith(f"{HOST}:")


def test_the_pid_is_that_of_etcd_itself(server):
    if sys.platform == "linux":
        assert os.readlink(f"/proc/{server.pid}/exe") == str(server.binary)


def test_starting_twice_is_starting_once(server):
    pid = server.pid
    assert server.start() is server
    assert server.pid == pid


def test_etcdctl_prints_what_it_was_asked(server):
    assert server.etcdctl("put", "k", "v") == "OK"
    assert server.etcdctl("get", "k") == "k\nv"


def test_etcdctl_raises_what_went_wrong(server):
    with pytest.raises(ServerError, match=r"etcdctl user get failed with code \d+(?s:.*)user name not found"):
        server.etcdctl("user", "get", "nobody")


def test_settings_in_the_environment_are_not_etcds(monkeypatch):
    monkeypatch.setenv("ETCD_LISTEN_METRICS_URLS", "nonsense")
    monkeypatch.setenv("ETCDCTL_ENDPOINTS", "nonsense")
    with EtcdServer() as server:
        assert server.etcdctl("put", "k", "v") == "OK"


def test_two_servers_do_not_meet(server):
    with EtcdServer() as other:
        server.etcdctl("put", "k", "v")
        assert other.etcdctl("get", "k") == ""


@pytest.mark.parametrize("end", [EtcdServer.stop, EtcdServer.kill, EtcdServer.wipe])
def test_without_a_process_it_says_that_it_is_not_running(server, end):
    end(server)
    with pytest.raises(ServerError, match="not running: start"):
        _ = server.pid


def test_stopping_leaves_no_process_and_no_directory(server, homes):
    pid = server.pid
    assert list(homes.iterdir())
    server.stop()
    server.stop()
    assert not exists(pid)
    assert list(homes.iterdir()) == []
    assert "not running" in repr(server)


def test_a_stopped_server_starts_empty(server):
    server.etcdctl("put", "k", "v")
    server.stop()
    assert server.start().etcdctl("get", "k") == ""


def test_a_killed_server_keeps_its_data_and_its_place(server):
    server.etcdctl("put", "k", "v")
    pid, endpoint = server.pid, server.endpoint
    server.kill()
    assert not exists(pid)
    assert server.start().etcdctl("get", "k") == "k\nv"
    assert server.endpoint == endpoint


def test_a_restarted_server_keeps_its_data_and_its_place(server):
    server.etcdctl("put", "k", "v")
    pid, endpoint = server.pid, server.endpoint
    server.restart()
    assert server.pid != pid
    assert server.endpoint == endpoint
    assert server.etcdctl("get", "k") == "k\nv"


def test_a_wiped_server_comes_back_empty(server):
    server.etcdctl("put", "k", "v")
    server.wipe()
    assert not server.running
    assert server.start().etcdctl("get", "k") == ""


def test_a_paused_server_accepts_and_does_not_answer(server):
    server.pause()
    with pytest.raises(ServerError, match="deadline exceeded"):
        server.etcdctl("--command-timeout=200ms", "get", "k")
    server.resume()
    assert server.etcdctl("put", "k", "v") == "OK"


def test_a_paused_server_is_stopped_in_order(server):
    pid = server.pid
    server.pause()
    server.stop()
    assert not exists(pid)
    assert "terminated" in server.log


def test_one_that_heeds_no_signal_is_killed(server, monkeypatch):
    monkeypatch.setattr(module, "GRACE_S", 0.05)
    monkeypatch.setattr(module.Process, "resume", lambda self: None)
    pid = server.pid
    server.pause()
    server.stop()
    assert not exists(pid)


def test_an_early_end_tells_the_last_words_and_leaves_nothing(homes):
    server = EtcdServer(args=["--no-such-flag"])
    with pytest.raises(ServerError) as caught:
        server.start()
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("the server ended with code 2 before it was ready")
    assert lines[-1] == "flag provided but not defined: -no-such-flag"
    assert list(homes.iterdir()) == []


def test_a_server_that_does_not_become_ready_is_ended(homes, monkeypatch):
    monkeypatch.setattr(module, "READY_S", 0.5)
    # A member alone of a cluster of two waits for the other.
    server = EtcdServer()
    server.args = (f"--initial-cluster=default={server.peer_url},other=http://{HOST}:1",)
    server.launch()
    pid = server.pid
    with pytest.raises(ServerError, match=r"was not ready within 0.5 s"):
        server.await_ready()
    assert not exists(pid)
    assert list(homes.iterdir()) == []


def test_a_port_taken_before_the_first_start_is_exchanged():
    server = EtcdServer()
    endpoint = server.endpoint
    with taken(endpoint), server:
        assert server.endpoint != endpoint
        assert server.etcdctl("put", "k", "v") == "OK"


def test_a_port_taken_later_is_an_error_and_the_data_stay(server):
    server.etcdctl("put", "k", "v")
    server.kill()
    with taken(server.endpoint), pytest.raises(ServerError, match="address already in use"):
        server.start()
    assert server.start().etcdctl("get", "k") == "k\nv"


def test_exchanging_ports_has_an_end(monkeypatch):
    server = EtcdServer()
    monkeypatch.setattr(module, "free_ports", lambda count: (server._client, server._peer))
    with taken(server.endpoint), pytest.raises(ServerError, match="address already in use"):
        server.start()
    assert not server.running


def test_a_server_started_by_a_thread_outlives_the_thread(server):
    other = EtcdServer()
    thread = threading.Thread(target=other.start)
    thread.start()
    thread.join()
    with other:
        assert other.etcdctl("put", "k", "v") == "OK"


def test_a_forgotten_server_is_told_and_cleared_away(homes):
    server = EtcdServer().start()
    pid = server.pid
    holder = [server]
    del server
    with pytest.warns(ResourceWarning, match="was never stopped"):
        holder.clear()
    assert not exists(pid)
    assert list(homes.iterdir()) == []


ORPHAN = """
import os, signal, sys
from etcd_factory.testing import EtcdServer
server = EtcdServer().start()
print(server.pid, flush=True)
{end}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(3)", "1 / 0"])
def test_no_server_outlives_its_parent(homes, end):
    env = os.environ | {"TMPDIR": str(homes)}
    code = ORPHAN.format(end=end)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode in (-signal.SIGKILL, 3, 1)
    assert gone(int(done.stdout))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_the_server_alone(homes):
    fork = """
server.etcdctl("put", "k", "v")
child = os.fork()
if not child: sys.exit()
os.waitpid(child, 0)
print(server.restart().etcdctl("get", "k"))
"""
    env = os.environ | {"TMPDIR": str(homes)}
    done = subprocess.run([sys.executable, "-c", ORPHAN.format(end=fork)], env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[1:] == ["k", "v"]
