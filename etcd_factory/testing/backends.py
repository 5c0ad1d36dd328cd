"""The servers that the pytest plugin's fixtures can use, by the value of ``--etcd``."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from .binary import given_endpoints
from .errors import ServerError
from .given_server import GivenServer
from .server import EtcdServer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence


class Server(Protocol):
    """What every test server has: a process, a container, or one that runs already."""

    @property
    def endpoint(self) -> str:
        """The endpoint for clients; of a cluster its first member's."""
        ...

    @property
    def endpoints(self) -> Sequence[str]:
        """The endpoints of all members."""
        ...


def auto(image: str) -> AbstractContextManager[Server]:
    """Use the given endpoints, else start an etcd process."""
    return nullcontext(GivenServer()) if given_endpoints() else binary(image)


def binary(_image: str) -> AbstractContextManager[Server]:
    """Start an etcd process."""
    return EtcdServer()


def container(image: str) -> AbstractContextManager[Server]:
    """Start a container of the image."""
    from .docker_engine import engine_missing

    if reason := engine_missing():
        raise ServerError(f"--etcd=container: {reason}")
    from .container import EtcdContainer

    return EtcdContainer(image)


@contextmanager
def fake(_image: str) -> Generator[Server]:
    """Use an etcd in memory, which clients of this process reach at an endpoint that has no server."""
    from .fake import FakeEtcd

    with FakeEtcd(real_time=True, endpoint="fake-etcd.invalid:2379") as etcd, etcd.installed(etcd.endpoint):
        yield etcd


BACKENDS: dict[str, Callable[[str], AbstractContextManager[Server]]] = {
    "auto": auto,
    "binary": binary,
    "container": container,
    "fake": fake,
}
