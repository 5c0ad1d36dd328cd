"""What type checkers see of the configuration center. Never run: mypy and pyright read it."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from attrs import define
from omegaconf import DictConfig
from typing_extensions import assert_type

from etcd_factory import AsyncETCDService, ETCDService, ETCDServiceFactory, PutResponse, load_config
from etcd_factory.configcenter import AsyncConfigCenter, ConfigCenter, Live, Version, etcd_resolver
from etcd_factory.core.face import Async, Opening, Sync


@define
class Settings:
    level: str = "info"


@dataclass
class Data:
    level: str = "info"


def changed(old: Settings, new: Settings) -> None: ...


def changed_data(old: Data, new: Data) -> None: ...


async def changed_later(old: Settings, new: Settings) -> None: ...


def blocking(etcd: ETCDService) -> None:
    center = ConfigCenter(etcd, "app/", instance="w1", groups=["one"], fallback=Path("last.json"))
    assert_type(center.save("k", {"a": [1]}, only="one"), PutResponse)
    assert_type(center.get("k", 7), Any)
    assert_type(center.delete("k"), bool)
    assert_type(center.history("k", limit=3), list[Version])
    assert_type(center.rollback("k", 3), PutResponse)
    assert_type(center.load(), DictConfig)
    assert_type(center.load(sources=["config", {"a": 1}], env="local"), DictConfig)
    assert_type(center.load(Settings), Settings)
    assert_type(center.load(Data, sources=[Path("config")]), Data)


def blocking_live(center: ConfigCenter) -> None:
    live = center.live(Settings, "last.json", default=Settings())
    assert_type(live, Live[Sync, Settings])
    assert_type(live.value, Settings)
    assert_type(live.source, Literal["etcd", "fallback", "default"])
    assert_type(live.on_change(changed), Live[Sync, Settings])
    assert_type(live.close(), None)
    assert_type(load_config("config", live), DictConfig)
    with center.live(Data) as entered:
        assert_type(entered.value, Data)
    assert_type(center.live().value, DictConfig)
    live.on_change(changed_data)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def awaited(etcd: AsyncETCDService) -> None:
    center = AsyncConfigCenter(etcd)
    pending: Coroutine[Any, Any, Settings] = center.load(Settings)
    assert_type(await pending, Settings)
    assert_type(await center.load(), DictConfig)
    assert_type(await center.save("k", None), PutResponse)
    assert_type(await center.get("k"), Any)
    assert_type(await center.delete("k", only="w1"), bool)
    assert_type(await center.history("k"), list[Version])
    assert_type(await center.rollback("k", 3, only="w1"), PutResponse)


async def awaited_live(center: AsyncConfigCenter) -> None:
    opening: Opening[Live[Async, Settings]] = center.live(Settings)
    live = await opening
    assert_type(live, Live[Async, Settings])
    assert_type(live.value, Settings)
    assert_type(live.on_change(changed).on_change(changed_later), Live[Async, Settings])
    async with center.live(Data, default=Data()) as entered:
        assert_type(entered.value, Data)
    async with center.live() as tree:
        assert_type(tree.value, DictConfig)
    assert_type(await live.close(), None)


def resolver(etcd: ETCDService, factory: ETCDServiceFactory) -> None:
    with etcd_resolver({"instance1": etcd}), etcd_resolver(factory):
        load_config("config")


def invalid(etcd: ETCDService, other: AsyncETCDService) -> None:
    ConfigCenter(other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    center = ConfigCenter(etcd)
    center.load(Settings())  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    center.save("k", 1, onyl="w1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
