"""The pytest plugin: fixtures with a real etcd, and clients of it that see only what their test wrote.

It comes with every installation, so loading it imports no client; the fixtures do.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from .choice import CHOICES, Server
from .cluster import EtcdCluster
from .errors import BinaryNotFoundError, ServerError
from .image import IMAGE
from .proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextlib import AbstractContextManager

    from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ETCDService, ETCDServiceFactory

T = TypeVar("T")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--etcd`` and ``--etcd-image``, with the same in the ini file."""
    group = parser.getgroup("etcd", "etcd servers for tests")
    group.addoption("--etcd", choices=sorted(CHOICES), help="which etcd to use: a program, a container; default auto")
    group.addoption("--etcd-image", metavar="IMAGE", help=f"image for --etcd=container; default {IMAGE}")
    parser.addini("etcd", "which etcd to use, as --etcd", default="auto")
    parser.addini("etcd_image", "image for containers, as --etcd-image", default=IMAGE)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an unknown value in the ini file, as the option does."""
    value = config.getini("etcd")
    if value not in CHOICES:
        raise pytest.UsageError(f"ini option etcd: {value!r} is none of {', '.join(sorted(CHOICES))}")


@pytest.fixture(scope="session")
def etcd_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A real etcd for all tests of this worker, with ``.endpoint`` and ``.endpoints``; chosen with ``--etcd``."""
    with ExitStack() as stack:
        choose = CHOICES[setting(pytestconfig, "etcd")]
        yield opened(stack, partial(choose, setting(pytestconfig, "etcd_image")))


@pytest.fixture(scope="session", name="_etcd_cluster")
def cluster() -> Iterator[EtcdCluster]:
    """The one cluster of this worker."""
    with ExitStack() as stack:
        yield opened(stack, EtcdCluster)


@pytest.fixture
def etcd_cluster(_etcd_cluster: EtcdCluster) -> EtcdCluster:
    """Three members as processes, whatever ``--etcd`` says; well again, whatever other tests did to them.

    All tests of this worker share it, with what they wrote.
    """
    return _etcd_cluster.restore()


@pytest.fixture
def etcd_proxy(etcd_server: Server) -> Iterator[FaultProxy]:
    """A proxy in front of ``etcd_server``, well until the test tells it otherwise; closed when the test ends."""
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
    """A prefix of keys that is this test's alone; what is under it is deleted when the test ends."""
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
    """An asyncio client in this test's namespace; closed when the test ends. It needs no asyncio plugin of its own."""
    from etcd_factory import AsyncETCDService

    service = AsyncETCDService(etcd_options)
    yield service
    finish(service.aclose())


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
    finish(factory.aclose())


@pytest.fixture
def etcd_options(etcd_server: Server, etcd_namespace: str) -> dict[str, Any]:
    """Options for a client of this test's own: its hosts and namespace."""
    return {"hosts": [*etcd_server.endpoints], "namespace": etcd_namespace}


def opened(stack: ExitStack, make: Callable[[], AbstractContextManager[T]]) -> T:
    """The server, running; where it can't, the tests fail with the reason alone."""
    try:
        return stack.enter_context(make())
    except (BinaryNotFoundError, ServerError) as error:
        pytest.fail(str(error), pytrace=False)


def setting(config: pytest.Config, name: str) -> str:
    """The option, else what the ini file has."""
    return str(config.getoption(name) or config.getini(name))


def finish(closing: Coroutine[Any, Any, Any]) -> None:
    """Run to its end what closes a client, after the test's own loop."""
    # Not asyncio.run: it would take away the current loop, which an asyncio plugin may still want.
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(closing)
    finally:
        loop.close()
