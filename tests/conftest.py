"""What all tests share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.testing.backends import BACKENDS

# examples have no deadline: how long one takes depends on what else the machine does
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


def pytest_addoption(parser):
    """Let the whole suite run over gRPC's transport too."""
    parser.addoption("--transport", choices=("h2", "grpc"), default="h2", help="what carries the clients' calls")


def pytest_configure(config):
    """Make every client that leaves the choice of its transport use the chosen one, and servers fakes if chosen."""
    if config.getoption("--etcd") == "fake":
        from tests.support import fake_servers

        fake_servers.replace_servers()
        BACKENDS["fake"] = lambda image: fake_servers.FakeServer()
    if config.getoption("transport") == "grpc":
        from etcd_factory.io.grpc.asyncio import AsyncioTransport
        from etcd_factory.io.grpc.threads import ThreadTransport

        ETCDService._transport = staticmethod(ThreadTransport)
        AsyncETCDService._transport = staticmethod(AsyncioTransport)


def pytest_collection_modifyitems(config, items):
    """Skip what the etcd in memory does not have."""
    if config.getoption("--etcd") == "fake":
        from tests.support import fake_left_out

        fake_left_out.skip(items)


@pytest.fixture
def is_grpc(pytestconfig):
    """Whether the clients use gRPC's transport."""
    return pytestconfig.getoption("transport") == "grpc"


def pytest_xdist_auto_num_workers():
    """Two workers a processor: tests wait for servers more than they compute."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No test sees the environment's own choice of a configuration."""
    for name in list(os.environ):
        if name.startswith(("ETCD_FACTORY__", "ETCD_FACTORY_ENV", "MIDWAY_SERVER_ENV")):
            monkeypatch.delenv(name)
