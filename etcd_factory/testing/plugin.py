"""The pytest plugin: fixtures with a real etcd, and clients of it that see only what their test wrote.

pytest loads it in every environment that has this package, so importing it imports no client; the fixtures do.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from etcd_factory import site

from .backends import BACKENDS, Server
from .cluster import EtcdCluster
from .docker_engine import IMAGE
from .errors import BinaryNotFoundError, ServerError
from .proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextlib import AbstractContextManager

    from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ETCDService, ETCDServiceFactory

    from .fake import FakeEtcd

T = TypeVar("T")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--etcd`` and ``--etcd-image``, and the same options to the ini file."""
    group = parser.getgroup("etcd", "etcd servers for tests")
    group.addoption("--etcd", choices=sorted(BACKENDS), help="a program, a container, an etcd in memory; default auto")
    group.addoption("--etcd-image", metavar="IMAGE", help=f"image for --etcd=container; default {IMAGE}")
    parser.addini("etcd", "which etcd to use, as --etcd", default="auto")
    parser.addini("etcd_image", "image for containers, as --etcd-image", default=IMAGE)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Have builders that are dropped without a terminal warned of, before a conftest imports a client."""
    site.NOTES_BUILDERS = True


def pytest_configure(config: pytest.Config) -> None:
    """Reject an unknown value in the ini file, as pytest does for the option."""
    value = config.getini("etcd")
    if value not in BACKENDS:
        raise pytest.UsageError(f"ini option etcd: {value!r} is unknown; use one of {', '.join(sorted(BACKENDS))}")


@pytest.fixture(scope="session")
def etcd_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A real etcd for all tests of this worker, with ``.endpoint`` and ``.endpoints``; ``--etcd`` selects it."""
    backend = BACKENDS[setting(pytestconfig, "etcd")]
    with ExitStack() as stack:
        yield enter(stack, partial(backend, setting(pytestconfig, "etcd_image")))


@pytest.fixture(scope="session", name="_etcd_cluster")
def cluster() -> Iterator[EtcdCluster]:
    """The one cluster of this worker."""
    with ExitStack() as stack:
        yield enter(stack, EtcdCluster)


@pytest.fixture
def etcd_cluster(_etcd_cluster: EtcdCluster) -> EtcdCluster:
    """A cluster of three etcd processes, whatever ``--etcd`` says; restored after what other tests did to it.

    All tests of this worker share it and its data.
    """
    return _etcd_cluster.restore()


@pytest.fixture
def etcd_proxy(etcd_server: Server) -> Iterator[FaultProxy]:
    """A proxy in front of ``etcd_server`` that injects faults on request; closed when the test ends."""
    with FaultProxy(etcd_server.endpoint) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def etcd_sweeper(etcd_server: Server) -> Iterator[ETCDService]:
    """A client without a namespace, which removes what tests leave behind."""
    from etcd_factory import ETCDService

    with ETCDService({"hosts": [*etcd_server.endpoints]}) as service:
        yield service


@pytest.fixture
def etcd_namespace(etcd_sweeper: ETCDService) -> Iterator[str]:
    """A key prefix that only this test uses; its keys are deleted when the test ends."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    prefix = f"test/{worker}/{uuid.uuid4().hex}/"
    yield prefix
    etcd_sweeper.delete().prefix(prefix)


@pytest.fixture
def etcd(etcd_options: dict[str, Any]) -> Iterator[ETCDService]:
    """A blocking client in this test's namespace; closed when the test ends."""
    from etcd_factory import ETCDService

    with ETCDService(etcd_options) as service:
        yield service


@pytest.fixture
def aetcd(etcd_options: dict[str, Any]) -> Iterator[AsyncETCDService]:
    """An asyncio client in this test's namespace; closed when the test ends. Needs no asyncio plugin itself."""
    from etcd_factory import AsyncETCDService

    service = AsyncETCDService(etcd_options)
    yield service
    run(service.aclose())


@pytest.fixture
def etcd_factory(etcd_options: dict[str, Any]) -> Iterator[ETCDServiceFactory]:
    """A blocking factory whose default client is in this test's namespace; closed when the test ends."""
    from etcd_factory import ETCDServiceFactory

    with ETCDServiceFactory({"client": etcd_options}) as factory:
        yield factory


@pytest.fixture
def aetcd_factory(etcd_options: dict[str, Any]) -> Iterator[AsyncETCDServiceFactory]:
    """An asyncio factory whose default client is in this test's namespace; closed when the test ends."""
    from etcd_factory import AsyncETCDServiceFactory

    factory = AsyncETCDServiceFactory({"client": etcd_options})
    yield factory
    run(factory.aclose())


@pytest.fixture
def fake_etcd() -> Iterator[FakeEtcd]:
    """An etcd in memory for this test, whose clock moves by hand; clients that the test makes use it, whatever their
    hosts are.
    """
    from .fake import FakeEtcd

    with FakeEtcd() as fake, fake.installed():
        yield fake


@pytest.fixture
def etcd_options(etcd_server: Server, etcd_namespace: str) -> dict[str, object]:
    """Options for a client of this test: its ``hosts`` and ``namespace``."""
    return {"hosts": [*etcd_server.endpoints], "namespace": etcd_namespace}


@pytest.fixture
def etcd_config(etcd_options: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Load a configuration as ``from_config`` does, for this test: ``etcd_config("config", env="unittest")``.

    Every client is on the test's server and in its namespace, and keeps its other options. Pass what it returns to a
    factory of either face, or to an application.
    """
    from .configs import loaded

    return partial(loaded, etcd_options)


@pytest.fixture
def etcd_clients(etcd_options: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return a configuration of named clients, each in its namespace of this test: ``etcd_clients("users", "flags")``.

    What the client ``users`` calls ``k`` is ``users/k`` to the fixture ``etcd``. Keyword arguments are options.
    """
    from .configs import named

    return partial(named, etcd_options)


@pytest.fixture
def etcd_override() -> Iterator[Callable[[Any], None]]:
    """Let applications open their factory on this configuration until the test ends: ``etcd_override(config)``.

    For those that read their own, through a module of ``etcd_factory.integrations``.
    """
    from etcd_factory.factory.shared import override_config

    with ExitStack() as stack:
        yield lambda config: stack.enter_context(override_config(config))


def enter(stack: ExitStack, make: Callable[[], AbstractContextManager[T]]) -> T:
    """Start a server; if it cannot start, fail the test with the reason alone."""
    try:
        return stack.enter_context(make())
    except (BinaryNotFoundError, ServerError) as error:
        pytest.fail(str(error), pytrace=False)


def setting(config: pytest.Config, name: str) -> str:
    """Return the command line option, else the value in the ini file."""
    return str(config.getoption(name) or config.getini(name))


def run(body: Coroutine[object, object, object]) -> None:
    """Run a coroutine after the test's own event loop has ended."""
    # Not asyncio.run: it would remove the current loop, which an asyncio plugin may still need.
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(body)
    finally:
        loop.close()
