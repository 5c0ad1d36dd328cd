"""Static types of ``EtcdModule`` and of clients in a container, for mypy and pyright; never run."""

from __future__ import annotations

from typing import Any

import dishka
from typing_extensions import assert_type

from etcd_factory import AsyncETCDService, ClientOptions, ETCDService, ETCDServiceFactory
from etcd_factory.configcenter import AsyncConfigCenter, ConfigCenter
from etcd_factory.core.face import Async, Sync
from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.factory import AsyncETCDServiceFactory
from etcd_factory.integrations.dishka import async_etcd_provider, etcd_provider
from etcd_factory.nest import (
    ASYNC_ETCD_CLIENT,
    ETCD_CLIENT,
    Application,
    AsyncApplication,
    AsyncEtcdModule,
    AsyncEtcdService,
    ConfigService,
    DynamicModule,
    EtcdModule,
    EtcdService,
    Token,
    async_client_token,
    client_token,
)
from etcd_factory.registry import AsyncServiceRegistry, Registration, ServiceRegistry


async def options(config: ConfigService) -> dict[str, Any]:
    return {"hosts": config["etcd_hosts"]}


def modules() -> None:
    assert_type(EtcdModule.for_root({"hosts": "a"}), DynamicModule)
    assert_type(AsyncEtcdModule.for_root(ClientOptions()), DynamicModule)
    assert_type(AsyncEtcdModule.for_root_async(use_factory=options, inject=[ConfigService]), DynamicModule)
    assert_type(EtcdModule.for_clients(a={"hosts": "a"}, b=ClientOptions()), DynamicModule)
    assert_type(EtcdModule.for_feature("a"), DynamicModule)
    EtcdModule.for_root(42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EtcdModule.for_clients(a=42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EtcdModule.for_feature(42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def tokens(app: Application, aapp: AsyncApplication) -> None:
    assert_type(ETCD_CLIENT, Token[ETCDService])
    assert_type(app.select(EtcdModule).get(ETCD_CLIENT), ETCDService)
    assert_type(app.get(client_token("a")), ETCDService)
    assert_type(app.get(EtcdService), EtcdService)
    assert_type(aapp.get(ASYNC_ETCD_CLIENT), AsyncETCDService)
    assert_type(aapp.get(async_client_token("a")), AsyncETCDService)


def blocking(etcd: ETCDService, aetcd: AsyncETCDService) -> None:
    service = EtcdService(etcd)
    assert_type(service.save_config("aaa", "1"), None)
    assert_type(service.get_config("aaa"), str | None)
    assert_type(service.delete_config("aaa"), None)
    assert_type(service.register_service("user", "1", {"port": 1}), Registration[Sync])
    assert_type(service.discover_service("user"), list[Any])
    assert_type(service.watch_service("user", print), Mirror[Sync])


async def awaited(aetcd: AsyncETCDService) -> None:
    service = AsyncEtcdService(aetcd)
    await service.save_config("aaa", "1")
    assert_type(await service.get_config("aaa"), str | None)
    assert_type(await service.register_service("user", "1", None), Registration[Async])
    async with service.register_service("user", "1", None) as registration:
        assert_type(registration, Registration[Async])
    assert_type(await service.discover_service("user"), list[Any])
    assert_type(await service.watch_service("user", print), Mirror[Async])


def factories(factory: ETCDServiceFactory, afactory: AsyncETCDServiceFactory) -> None:
    assert_type(factory.registry(), ServiceRegistry)
    assert_type(factory.config_center(instance="a"), ConfigCenter)
    assert_type(afactory.registry(), AsyncServiceRegistry)
    assert_type(afactory.config_center(), AsyncConfigCenter)


def containers(container: dishka.Container) -> None:
    assert_type(etcd_provider({"client": {"hosts": "a"}}), dishka.Provider)
    assert_type(async_etcd_provider({}), dishka.Provider)
    assert_type(container.get(ETCDService), ETCDService)
    etcd_provider(42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
