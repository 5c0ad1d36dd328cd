"""Factories whose clients are all on one fake etcd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from etcd_factory.factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.options import ClientOptions
from etcd_factory.options.client import without_class
from etcd_factory.service import AsyncETCDService, ETCDService

if TYPE_CHECKING:
    from etcd_factory.core.ports import Transport

    from .etcd import FakeEtcd


S = TypeVar("S", ETCDService, AsyncETCDService)


def client(options: ClientOptions, service: type[S], transport: Transport) -> S:
    """Return a client of the class that its options name, else a plain one, on a fake's transport."""
    chosen: Any = options.client_class or service
    made: S = chosen(without_class(options), transport=transport)
    return made


def blocking(etcd: FakeEtcd) -> type[ETCDServiceFactory]:
    """Return the class of blocking factories on a fake."""

    class FakeFactory(ETCDServiceFactory):
        def create_client(self, options: ClientOptions, name: str | None) -> ETCDService:
            del name
            return client(options, ETCDService, etcd.transport())

    return FakeFactory


def asynchronous(etcd: FakeEtcd) -> type[AsyncETCDServiceFactory]:
    """Return the class of asyncio factories on a fake."""

    class AsyncFakeFactory(AsyncETCDServiceFactory):
        def create_client(self, options: ClientOptions, name: str | None) -> AsyncETCDService:
            del name
            return client(options, AsyncETCDService, etcd.atransport())

    return AsyncFakeFactory
