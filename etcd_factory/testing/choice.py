"""Which etcd the pytest plugin's fixtures use, by the value of ``--etcd``."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from .binary import given_endpoints
from .errors import ServerError
from .given_server import GivenServer
from .server import EtcdServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Server(Protocol):
    """What every server for tests has, whoever runs it."""

    @property
    def endpoint(self) -> str:
        """Where clients reach it, or its first member."""
        ...

    @property
    def endpoints(self) -> Sequence[str]:
        """Where clients reach its members."""
        ...


def auto(image: str) -> AbstractContextManager[Server]:
    """The given endpoints, else a program found here."""
    return nullcontext(GivenServer()) if given_endpoints() else binary(image)


def binary(_image: str) -> AbstractContextManager[Server]:
    """A server process of our own."""
    return EtcdServer()


def container(image: str) -> AbstractContextManager[Server]:
    """A container of the image."""
    from .image import engine_missing

    if reason := engine_missing():
        raise ServerError(f"--etcd=container: {reason}")
    from .container import EtcdContainer

    return EtcdContainer(image)


CHOICES: dict[str, Callable[[str], AbstractContextManager[Server]]] = {
    "auto": auto,
    "binary": binary,
    "container": container,
}
