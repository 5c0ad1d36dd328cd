"""Programs that start processes: multiprocessing in its three ways, gunicorn with --preload, Celery's prefork pool.

Those that fork have used a client, a mirror, a live configuration, a view, a registration and a lock before.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from etcd_factory import ETCDService
from tests.support.forks import BOUND, needs_fork, needs_grpc_in_child
from tests.support.processes import free_port

USED = """
import os
from etcd_factory import ETCDService
from etcd_factory.configcenter import ConfigCenter
from etcd_factory.registry import ServiceRegistry

parent = os.getpid()
etcd = ETCDService({"hosts": [os.environ["HOST"]], "namespace": os.environ["NAMESPACE"]})
mirror, live = etcd.mirror("m/"), ConfigCenter(etcd).live()
view = ServiceRegistry(etcd).subscribe("user")
registration, lock = ServiceRegistry(etcd).register("user", "parent"), etcd.lock("name").acquire()

def state():
    key = f"m/{os.getpid()}"
    etcd.put(key).value("1")
    return {
        "forked": os.getpid() != parent,
        "mirror": (mirror[key.encode()].text, mirror.connected),
        "live": (live.value.get("level"), live.source),
        "view": [one.id for one in view.instances],
        "owned": (lock.held, registration.alive),
    }
"""
CURRENT = {
    "forked": True,
    "mirror": ["1", True],
    "live": ["new", "etcd"],
    "view": ["parent"],
    "owned": [False, False],
}
"""What ``state()`` is in a child, if ``level`` was saved after the fork."""

PROCESSES = """
import json, multiprocessing, os, sys
from etcd_factory import ETCDService
from etcd_factory.configcenter import ConfigCenter

def run(box, go):
    go.wait(30)
    import used

    box.put(json.dumps(used.state()))
    used.etcd.close()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    if sys.argv[1] == "fork":
        import used
    else:
        context.set_forkserver_preload(["used"])
    box, go = context.Queue(), context.Event()
    children = [context.Process(target=run, args=(box, go)) for _ in range(2)]
    for child in children:
        child.start()
    with ETCDService({"hosts": [os.environ["HOST"]], "namespace": os.environ["NAMESPACE"]}) as etcd:
        ConfigCenter(etcd).save("level", "new")
    go.set()
    print(*[box.get(timeout=30) for _ in children], sep="\\n")
    for child in children:
        child.join(30)
        assert child.exitcode == 0, child.exitcode
    if sys.argv[1] == "fork":
        assert used.lock.held and used.registration.alive
        used.etcd.close()
"""
SPAWNED = """
import multiprocessing, os
from etcd_factory import ETCDService

OPTIONS = {"hosts": [os.environ["HOST"]], "namespace": os.environ["NAMESPACE"]}

def run(box):
    with ETCDService(OPTIONS) as etcd, etcd.mirror("m/") as mirror:
        box.put((mirror[b"m/k"].text, etcd.lock("name").held))

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with ETCDService(OPTIONS) as etcd, etcd.lock("name") as lock:
        etcd.put("m/k").value("1")
        box = context.Queue()
        child = context.Process(target=run, args=(box,))
        child.start()
        assert box.get(timeout=30) == ("1", False)
        child.join(30)
        assert child.exitcode == 0 and lock.held
"""
APPLICATION = """
import json, os, used

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    used_path = environ["PATH_INFO"] == "/state"
    return [json.dumps([os.getpid(), used.state() if used_path else None]).encode()]
"""
BROKER = """
import os
from celery import Celery

folder = os.environ["FOLDER"]
app = Celery("tasks", broker="filesystem://", backend=f"file://{folder}")
app.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder}
app.conf.broker_connection_retry_on_startup = True
"""
TASKS = """
import used
from broker import app

@app.task(name="state")
def state():
    return used.state()
"""
CELERY_TASKS = """
import os
from broker import app
from etcd_factory.integrations.celery import Etcd

app.conf.etcd = {"client": {"hosts": [os.environ["HOST"]], "namespace": os.environ["NAMESPACE"]}}
parent, etcd = os.getpid(), Etcd(app)
etcd.get().put("parent").value(parent)

@app.task(name="state")
def state():
    etcd.get().put(f"child/{os.getpid()}").value("1")
    return os.getpid() != parent, etcd.get().get("parent").number() == parent
"""
SEND = """
import json
from broker import app

sent = [app.send_task("state") for _ in range(4)]
print(*[json.dumps(one.get(timeout=30)) for one in sent], sep="\\n")
"""
MODULES = {
    "used": USED,
    "processes": PROCESSES,
    "spawned": SPAWNED,
    "application": APPLICATION,
    "broker": BROKER,
    "tasks": TASKS,
    "celery_tasks": CELERY_TASKS,
    "send": SEND,
}

pytestmark = [needs_fork, needs_grpc_in_child]


def needs(package):
    """Skip a test if a package is not installed: not each system has them all."""
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


@pytest.fixture
def folder(tmp_path, etcd_server, etcd_namespace):
    """A folder with the modules, and the environment that they need."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    folder = tmp_path / "box"
    folder.mkdir()
    path = os.pathsep.join([str(tmp_path), os.getcwd()])
    own = {"HOST": etcd_server.endpoint, "NAMESPACE": etcd_namespace, "FOLDER": str(folder), "PYTHONPATH": path}
    return tmp_path, {**os.environ, **own}


@pytest.fixture
def run(folder):
    """Run a module to its end, which must not fail; returns the lines that it prints."""
    path, env = folder

    def call(*command):
        command = [sys.executable, *command]
        done = subprocess.run(command, cwd=path, env=env, capture_output=True, text=True, timeout=BOUND)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return call


@pytest.fixture
def running(folder):
    """Run a module for the length of a block, which it must end within when it is asked to; yields its log."""
    path, env = folder

    @contextmanager
    def call(*command):
        log = path / "log"
        with log.open("w") as output:
            server = subprocess.Popen([sys.executable, *command], cwd=path, env=env, stdout=output, stderr=output)
        try:
            yield log
        finally:
            server.terminate()
            try:
                code = server.wait(BOUND)  # Celery takes its time
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
                raise
        assert code == 0, log.read_text()

    return call


@pytest.fixture
def etcd(etcd_server, etcd_namespace):
    """A client beside those of the programs."""
    with ETCDService({"hosts": [etcd_server.endpoint], "namespace": etcd_namespace}) as client:
        yield client


def eventually(call):
    """Return what a call returns, once it is true."""
    end = time.monotonic() + BOUND / 2
    while not (found := call()):
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.05)
    return found


def owned(client):
    """What the parent has registered, and its lock."""
    return client.get_all().prefix("services/").kvs(), client.get_all().prefix("name/").kvs()


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_children_of_multiprocessing_see_what_is_current(run, method):
    found = run("-m", "processes", method)
    assert [json.loads(line) for line in found] == [CURRENT, CURRENT]


def test_a_spawned_process_makes_its_own_client(run):
    run("-m", "spawned")


@needs("gunicorn")
def test_workers_of_a_preloaded_gunicorn_see_what_is_current(running, etcd):
    port = free_port()

    def ask(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
                return json.load(answer)
        except OSError:
            return None

    with running("-m", "gunicorn", "--preload", "-w", "2", "-b", f"127.0.0.1:{port}", "application:app"):
        eventually(lambda: ask("/"))
        before = owned(etcd)
        etcd.put("config/level").value("new")
        found = dict(eventually(lambda: ask("/state")) for _ in range(6))
        assert list(found.values()) == [CURRENT] * len(found)
        for worker in found:
            os.kill(worker, 15)  # the master starts another one
        pid, state = eventually(lambda: new_of(ask("/state"), found))
        assert (state, pid in found) == (CURRENT, False)
        assert owned(etcd) == before


def new_of(answer, known):
    """An answer, if it is of a worker that is not known yet."""
    return answer if answer and answer[0] not in known else None


@needs("celery")
def test_children_of_celery_see_what_is_current(running, run, etcd):
    with running("-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "-c", "2", "--loglevel", "INFO") as log:
        eventually(lambda: " ready." in log.read_text())
        before = owned(etcd)
        etcd.put("config/level").value("new")
        found = run("-m", "send")
        assert [json.loads(line) for line in found] == [CURRENT] * 4
        assert owned(etcd) == before


@needs("celery")
def test_children_of_celery_share_a_factory_with_their_parent(running, run, etcd):
    command = ("-m", "celery", "-A", "celery_tasks", "worker", "--pool", "prefork", "-c", "2", "--loglevel", "INFO")
    with running(*command) as log:
        eventually(lambda: " ready." in log.read_text())
        assert [json.loads(line) for line in run("-m", "send")] == [[True, True]] * 4
        assert etcd.get_all().prefix("child/").keys()
