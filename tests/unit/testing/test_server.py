"""An etcd process for tests: its life, its data, its end."""

import os
import signal
import subprocess
import sys
import threading
from urllib.request import urlopen

import pytest

from etcd_factory.testing import EtcdServer, ServerError
from etcd_factory.testing import server as module
from etcd_factory.testing.tcp_ports import HOST
from tests.support.processes import is_running, listening_on, wait_for_exit

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="etcd is signalled"),
    pytest.mark.usefixtures("temp_dir"),
]


@pytest.fixture
def server():
    with EtcdServer() as server:
        yield server


def test_a_started_server_serves(server):
    with urlopen(f"{server.url}/version") as answer:
        assert server.version in answer.read().decode()
    assert server.endpoints == (server.endpoint,)
    assert server.endpoint.startswith(f"{HOST}:")


def test_the_pid_is_that_of_etcd_itself(server):
    if sys.platform == "linux":
        assert os.readlink(f"/proc/{server.pid}/exe") == str(server.binary)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("port", "free ones, .*'etcd-factory serve --port 2379'"), ("data", "it takes binary, tls, args and name$")],
)
def test_an_argument_that_there_is_not_is_an_error_that_says_what_to_do(name, advice):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'; .*{advice}"):
        EtcdServer(**{name: 2379})


def test_starting_a_running_server_does_nothing(server):
    pid = server.pid
    assert server.start() is server
    assert server.pid == pid


def test_etcdctl_returns_its_output(server):
    assert server.etcdctl("put", "k", "v") == "OK"
    assert server.etcdctl("get", "k") == "k\nv"


def test_a_failed_etcdctl_raises_its_error_output(server):
    with pytest.raises(ServerError, match=r"etcdctl user get failed with code \d+(?s:.*)user name not found"):
        server.etcdctl("user", "get", "missing")


def test_etcd_ignores_settings_in_the_environment(monkeypatch):
    monkeypatch.setenv("ETCD_LISTEN_METRICS_URLS", "nonsense")
    monkeypatch.setenv("ETCDCTL_ENDPOINTS", "nonsense")
    with EtcdServer() as server:
        assert server.etcdctl("put", "k", "v") == "OK"


def test_two_servers_are_independent(server):
    with EtcdServer() as other:
        server.etcdctl("put", "k", "v")
        assert other.etcdctl("get", "k") == ""


@pytest.mark.parametrize("end", [EtcdServer.stop, EtcdServer.kill, EtcdServer.wipe])
def test_the_pid_of_a_server_that_does_not_run_is_an_error(server, end):
    end(server)
    with pytest.raises(ServerError, match="not running: start"):
        _ = server.pid


def test_stopping_leaves_no_process_and_no_directory(server, temp_dir):
    pid = server.pid
    assert list(temp_dir.iterdir())
    server.stop()
    server.stop()
    assert not is_running(pid)
    assert list(temp_dir.iterdir()) == []
    assert "not running" in repr(server)


def test_a_stopped_server_starts_empty(server):
    server.etcdctl("put", "k", "v")
    server.stop()
    assert server.start().etcdctl("get", "k") == ""


def test_a_killed_server_keeps_its_data_and_endpoint(server):
    server.etcdctl("put", "k", "v")
    pid, endpoint = server.pid, server.endpoint
    server.kill()
    assert not is_running(pid)
    assert server.start().etcdctl("get", "k") == "k\nv"
    assert server.endpoint == endpoint


def test_a_restarted_server_keeps_its_data_and_endpoint(server):
    server.etcdctl("put", "k", "v")
    pid, endpoint = server.pid, server.endpoint
    server.restart()
    assert server.pid != pid
    assert server.endpoint == endpoint
    assert server.etcdctl("get", "k") == "k\nv"


def test_a_wiped_server_restarts_empty(server):
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


def test_a_paused_server_is_shut_down_in_order_to_be_restarted(server):
    pid, log = server.pid, server._process._tail.text
    server.etcdctl("put", "k", "v")  # etcd handles signals a moment after it logs that it is ready
    server.pause()
    server.restart()
    assert not is_running(pid)
    assert "terminated" in log()


def test_a_server_that_ignores_signals_is_killed_to_be_restarted(server, monkeypatch):
    monkeypatch.setattr(module, "GRACE_S", 0.05)
    monkeypatch.setattr(module.ServerProcess, "resume", lambda self: None)
    pid = server.pid
    server.etcdctl("put", "k", "v")  # etcd handles signals a moment after it logs that it is ready
    server.pause()
    server.restart()
    assert not is_running(pid)


def test_a_server_whose_clients_hold_streams_open_is_stopped_without_its_grace(server, monkeypatch):
    monkeypatch.setattr(module.ServerProcess, "terminate", None)
    server.stop()
    assert not server.running


def test_an_early_end_is_reported_with_the_log_and_leaves_nothing_behind(temp_dir):
    server = EtcdServer(args=["--no-such-flag"])
    with pytest.raises(ServerError) as caught:
        server.start()
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("the server ended with code 2 before it was ready")
    assert lines[-1] == "flag provided but not defined: -no-such-flag"
    assert list(temp_dir.iterdir()) == []


def test_a_server_that_does_not_become_ready_is_stopped(temp_dir, monkeypatch):
    monkeypatch.setattr(module, "READY_S", 0.5)
    # One member of a cluster of two waits for the other.
    server = EtcdServer()
    server.args = (f"--initial-cluster=default={server.peer_url},other=http://{HOST}:1",)
    server.launch()
    pid = server.pid
    with pytest.raises(ServerError, match=r"was not ready within 0.5 s"):
        server.await_ready()
    assert not is_running(pid)
    assert list(temp_dir.iterdir()) == []


def test_a_port_taken_before_the_first_start_is_replaced():
    server = EtcdServer()
    endpoint = server.endpoint
    with listening_on(endpoint), server:
        assert server.endpoint != endpoint
        assert server.etcdctl("put", "k", "v") == "OK"


def test_a_port_taken_later_is_an_error_and_the_data_is_kept(server):
    server.etcdctl("put", "k", "v")
    server.kill()
    with listening_on(server.endpoint), pytest.raises(ServerError, match="address already in use"):
        server.start()
    assert server.start().etcdctl("get", "k") == "k\nv"


def test_replacing_ports_is_bounded(monkeypatch):
    server = EtcdServer()
    monkeypatch.setattr(module, "free_ports", lambda *_: (server._client_port, server._peer_port))
    with listening_on(server.endpoint), pytest.raises(ServerError, match="address already in use"):
        server.start()
    assert not server.running


def test_a_server_started_by_a_thread_outlives_the_thread(server):
    other = EtcdServer()
    thread = threading.Thread(target=other.start)
    thread.start()
    thread.join()
    with other:
        assert other.etcdctl("put", "k", "v") == "OK"


def test_a_server_that_was_never_stopped_warns_and_is_cleaned_up(temp_dir):
    server = EtcdServer().start()
    pid = server.pid
    holder = [server]
    del server
    with pytest.warns(ResourceWarning, match="was never stopped"):
        holder.clear()
    assert not is_running(pid)
    assert list(temp_dir.iterdir()) == []


ORPHAN = """
import os, signal, sys
from etcd_factory.testing import EtcdServer
server = EtcdServer().start()
print(server.pid, flush=True)
{end}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the signal of a dead parent is Linux's")
@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(3)", "1 / 0"])
def test_a_server_does_not_outlive_its_parent(temp_dir, end):
    env = os.environ | {"TMPDIR": str(temp_dir)}
    code = ORPHAN.format(end=end)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode in (-signal.SIGKILL, 3, 1)
    assert wait_for_exit(int(done.stdout))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_stop_the_server(temp_dir):
    fork = """
server.etcdctl("put", "k", "v")
child = os.fork()
if not child: sys.exit()
os.waitpid(child, 0)
print(server.restart().etcdctl("get", "k"))
"""
    env = os.environ | {"TMPDIR": str(temp_dir)}
    done = subprocess.run([sys.executable, "-c", ORPHAN.format(end=fork)], env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[1:] == ["k", "v"]
