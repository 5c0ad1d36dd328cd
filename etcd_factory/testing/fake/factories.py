"""Factories whose clients are all on one fake etcd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etcd_factory.factory import AsyncETCDServiceFactory, ETCDServiceFactory
from etcd_factory.options import ClientOptions
from etcd_factory.options.client import without_class
from etcd_factory.service import AsyncETCDService, ETCDService

if TYPE_CHECKING:
    from .etcd import FakeEtcd


def blocking(etcd: FakeEtcd) -> type[ETCDServiceFactory]:
    """Return the class of blocking factories on a fake."""

    class FakeFactory(ETCDServiceFactory):
        def create_client(self, options: ClientOptions, name: str | None) -> ETCDService:
            del name
            chosen: Any = options.client_class or ETCDService
            client: ETCDService = chosen(without_class(options), transport=etcd.transport())
            return client

    return FakeFactory


def asynchronous(etcd: FakeEtcd) -> type[AsyncETCDServiceFactory]:
    """Return the class of asyncio factories on a fake."""

    class AsyncFakeFactory(AsyncETCDServiceFactory):
        def create_client(self, options: ClientOptions, name: str | None) -> AsyncETCDService:
            del name
            chosen: Any = options.client_class or AsyncETCDService
            client: AsyncETCDService = chosen(without_class(options), transport=etcd.atransport())
            return client

    return AsyncFakeFactory
