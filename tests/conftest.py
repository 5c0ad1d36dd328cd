"""What all tests share."""

from __future__ import annotations

import gc
import os
import signal
import sys

import pytest
from hypothesis import settings

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.testing import EtcdCluster
from etcd_factory.testing.backends import BACKENDS
from tests.support.order import spread
from tests.support.quick import is_left_out, is_quick

# examples have no deadline: how long one takes depends on what else the machine does
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

CLUSTER = pytest.StashKey[EtcdCluster]()


def pytest_addoption(parser):
    """Let the whole suite run over gRPC's transport too."""
    parser.addoption("--transport", choices=("h2", "grpc"), default="h2", help="what carries the clients' calls")


def pytest_configure(config):
    """Make every client that leaves the choice of its transport use the chosen one, and servers fakes if chosen."""
    # Half of what an etcd computes is else to wake its threads; here every worker has servers of its own.
    os.environ.setdefault("GOMAXPROCS", "1")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell; programs inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.dont_write_bytecode:
        write_bytecode(config.rootpath / ".pytest_cache" / "bytecode")
    if config.getoption("--etcd") == "fake":
        from tests.support import fake_servers

        fake_servers.replace_servers()
        BACKENDS["fake"] = lambda image: fake_servers.FakeServer()
    if config.getoption("transport") == "grpc":
        from etcd_factory.io.grpc.asyncio import AsyncioTransport
        from etcd_factory.io.grpc.threads import ThreadTransport

        ETCDService._transport = staticmethod(ThreadTransport)
        AsyncETCDService._transport = staticmethod(AsyncioTransport)


def write_bytecode(folder):
    """Let workers, and the interpreters that tests start, share compiled code where the environment forbids it.

    Each of them would compile it again, and pytest rewrite each assert: half a second and ten seconds.
    """
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(folder)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without the garbage collector, and keep it off what was collected.

    It would walk all tests again and again: half of the time of collecting, and of each test that collects garbage.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        if hasattr(gc, "freeze"):  # PyPy has none
            gc.freeze()


def pytest_ignore_collect(collection_path, config):
    """Collect only modules of quick tests if only those are to run."""
    return is_left_out(collection_path, config) or None


def pytest_collection_modifyitems(config, items):
    """Mark the quick tests, spread those of each folder, and skip what the etcd in memory does not have."""
    items[:] = spread(items)
    for item in items:
        if is_quick(item.path):
            item.add_marker("quick")
    if config.getoption("--etcd") == "fake":
        from tests.support import fake_left_out

        fake_left_out.skip(items)


@pytest.fixture(scope="session")
def _etcd_cluster(_etcd_cluster, pytestconfig):
    """The one cluster of this worker, known to the hook that pauses it."""
    pytestconfig.stash[CLUSTER] = _etcd_cluster
    return _etcd_cluster


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """Pause the cluster until it is used again: its heartbeats, through proxies, take a twentieth of a processor.

    ``etcd_cluster`` resumes it; as no member has heard of time passing, the leader stays.
    """
    yield
    if nextitem and "etcd_cluster" in {*item.fixturenames} - {*nextitem.fixturenames}:
        for member in item.config.stash.get(CLUSTER, ()):
            if member.running:
                member.pause()


@pytest.fixture
def is_grpc(pytestconfig):
    """Whether the clients use gRPC's transport."""
    return pytestconfig.getoption("transport") == "grpc"


def pytest_xdist_auto_num_workers():
    """Two workers a processor, and two more: tests wait for servers more than they compute."""
    return 2 * (os.cpu_count() or 1) + 2


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No test sees the environment's own choice of a configuration."""
    for name in list(os.environ):
        if name.startswith(("ETCD_FACTORY__", "ETCD_FACTORY_ENV", "MIDWAY_SERVER_ENV")):
            monkeypatch.delenv(name)
