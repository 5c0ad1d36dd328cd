"""What type checkers see of the asyncio face. Never run: mypy and pyright read it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from typing_extensions import assert_type

from etcd_factory import (
    AsyncETCDService,
    AsyncETCDServiceFactory,
    DeleteResponse,
    HealthReport,
    KeyValue,
    PutResponse,
    RangeResponse,
    TxnResponse,
    ops,
)


async def reads(etcd: AsyncETCDService) -> None:
    pending: Coroutine[Any, Any, str | None] = etcd.get("k").string()
    assert_type(await pending, str | None)
    assert_type(await etcd.get("k").revision(3).serializable().bytes(), bytes | None)
    assert_type(await etcd.get("k").json(), Any)
    assert_type(await etcd.get("k").number(), int | float | None)
    assert_type(await etcd.get("k").exists(), bool)
    assert_type(await etcd.get("k").kv(), KeyValue | None)
    assert_type(await etcd.get("k").exec(), RangeResponse)
    everything = etcd.get_all().prefix("p").limit(3).sort("mod", "descend")
    assert_type(await everything.keys(), list[str])
    assert_type(await everything.strings(), dict[str, str])
    assert_type(await everything.bytes(), dict[bytes, bytes])
    assert_type(await everything.count(), int)
    async for kv in everything:
        assert_type(kv, KeyValue)


async def writes(etcd: AsyncETCDService) -> None:
    assert_type(await etcd.put("k").lease(7).previous().value("v"), PutResponse)
    assert_type(await etcd.delete().previous().key("k"), DeleteResponse)


async def several(etcd: AsyncETCDService) -> None:
    assert_type(await etcd.txn().then(ops.put("k").value("v")).commit(), TxnResponse)
    assert_type(await etcd.batch([ops.get("a").string()]), list[str | None])
    assert_type(etcd.namespace("a/").with_options(timeout=1), AsyncETCDService)


async def factory(clients: AsyncETCDServiceFactory) -> None:
    assert_type(clients.get(), AsyncETCDService)
    assert_type(await clients.create_instance({"hosts": "a:1"}, "x"), AsyncETCDService)
    assert_type(await clients.remove("x"), None)
    assert_type(await clients.health(), HealthReport)
    async with AsyncETCDServiceFactory.from_config(env="local") as entered:
        assert_type(entered, AsyncETCDServiceFactory)


async def wrong(etcd: AsyncETCDService) -> None:
    for _ in etcd.get_all():  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues, reportAttributeAccessIssue]
        pass
    etcd.put("k").value("v")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
