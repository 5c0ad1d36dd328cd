"""The types of the asyncio face, as mypy and pyright see them; never run."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from typing_extensions import assert_type

from etcd_factory import (
    Alarm,
    AsyncETCDService,
    AsyncETCDServiceFactory,
    AuthStatus,
    CasResponse,
    DeleteResponse,
    Event,
    HashKV,
    HealthReport,
    KeyValue,
    LeaseInfo,
    Member,
    Permission,
    PutResponse,
    RangeResponse,
    Reloaded,
    Snapshot,
    Status,
    TxnResponse,
    ops,
)
from etcd_factory.core.concurrency.election import Leadership
from etcd_factory.core.concurrency.lock import Lock
from etcd_factory.core.concurrency.stm_tx import Tx
from etcd_factory.core.face import Async, Sync
from etcd_factory.core.lease.lease import Lease
from etcd_factory.core.ports import Transport
from etcd_factory.testing import ScriptedTransport, replies


async def services(etcd: AsyncETCDService, transport: Transport) -> None:
    assert_type(etcd.endpoint, str)
    assert_type(AsyncETCDService({"hosts": "a:1"}, transport=transport), AsyncETCDService)
    async with AsyncETCDService(transport=ScriptedTransport([replies.put()])) as scripted:
        assert_type(scripted, AsyncETCDService)


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
    assert_type(await etcd.put("k").if_revision(3).value("v"), CasResponse)
    assert_type(await etcd.delete().if_revision(3).key("k"), CasResponse)
    assert_type(await etcd.increment("k"), int)
    assert_type(await etcd.update("k", lambda kv: kv.text if kv else 1), KeyValue)

    async def change(kv: KeyValue | None) -> str:
        return kv.text if kv else ""

    assert_type(await etcd.update("k", change), KeyValue)


async def several(etcd: AsyncETCDService) -> None:
    assert_type(await etcd.txn().then(ops.put("k").value("v")).commit(), TxnResponse)
    assert_type(await etcd.if_("p/", "mod", "<", 5, prefix=True).commit(), TxnResponse)
    assert_type(await etcd.batch([ops.get("a").string()]), list[str | None])
    assert_type(etcd.namespace("a/").with_options(timeout=1), AsyncETCDService)


async def leases(etcd: AsyncETCDService) -> None:
    assert_type(await etcd.lease(10).grant(), int)
    assert_type(await etcd.lease(10).time_to_live(), LeaseInfo)
    assert_type(await etcd.lease(10).put("k").value("v"), PutResponse)
    assert_type(await etcd.leases(), list[int])
    async with etcd.lease(10).on("lost", print) as lease:
        assert_type(lease, Lease[Async])
        assert_type(await etcd.put("k").lease(lease).value("v"), PutResponse)
        await lease.release()
    assert_type(await etcd.lease(10, id=7).grant(), int)
    async with etcd.lease_of(7) as known:
        assert_type(known, Lease[Async])


async def turns(etcd: AsyncETCDService, other: Lease[Sync]) -> None:
    async with etcd.lease(10) as lease, etcd.lock("name", lease=lease) as lock:
        assert_type(lock, Lock[Async])
        assert_type(lock.key, bytes)
        assert_type(await etcd.if_(lock.key, "create", "==", lock.fencing_token).commit(), TxnResponse)
    assert_type(await etcd.lock("name", 5).acquire(timeout=0), Lock[Async])
    election = etcd.election("name", lease=etcd.lease_of(7))
    assert_type(await election.leader_kv(), KeyValue | None)
    async with election.campaign("me") as leadership:
        assert_type(leadership, Leadership[Async])
        assert_type(leadership.key, bytes)
    etcd.lock("name", lease=other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def software(etcd: AsyncETCDService) -> None:
    async def transfer(tx: Tx[Async]) -> int:
        assert_type(await tx.get("a").string(), str | None)
        assert_type(await tx.get("a").kv(), KeyValue | None)
        tx.put("a").value("v")
        tx.delete().key("b")
        return 1

    assert_type(await etcd.stm().transact(transfer), int)
    await etcd.stm().transact(lambda tx: 1)  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType]


async def factory(clients: AsyncETCDServiceFactory) -> None:
    assert_type(clients.get(), AsyncETCDService)
    assert_type(await clients.create_instance({"hosts": "a:1"}, "x"), AsyncETCDService)
    assert_type(await clients.remove("x"), None)
    assert_type(await clients.health(), HealthReport)
    await clients.add("y", clients.get())
    async with AsyncETCDServiceFactory.from_config(env="local", concurrent=True) as entered:
        assert_type(entered, AsyncETCDServiceFactory)
        assert_type(await entered.reload(), Reloaded)
        await entered.watch_config(interval=1)


async def mirrors(etcd: AsyncETCDService) -> None:
    async with etcd.mirror("p/") as mirror:
        assert_type(mirror[b"k"], KeyValue)
        assert_type(mirror.get("k").string(), str | None)
        assert_type(await mirror.get("k", fresh=True).string(), str | None)
        assert_type(await mirror.wait(3), None)
        assert_type(await mirror.close(), None)


async def watches(etcd: AsyncETCDService) -> None:
    async with etcd.watch().prefix("p/").create() as watcher:
        async for event in watcher:
            assert_type(event, Event)
    watching = await etcd.watch().key("k").only("put").on("put", print).create()
    assert_type(await watching.on("end", lambda: None).cancel(), None)


async def access(etcd: AsyncETCDService) -> None:
    assert_type(await etcd.roles(), list[str])
    assert_type(await etcd.users(), list[str])
    assert_type(await etcd.role("r").grant("read", prefix="p"), None)
    assert_type(await etcd.role("r").permissions(), tuple[Permission, ...])
    assert_type(await etcd.role("r").add_user(etcd.user("u")), None)
    assert_type(await etcd.user("u").create(None), None)
    assert_type(await etcd.user("u").roles(), list[str])
    assert_type(await etcd.auth.enable(), None)
    assert_type(await etcd.auth.status(), AuthStatus)


async def administration(etcd: AsyncETCDService) -> None:
    [member] = await etcd.cluster.members()
    assert_type(member, Member)
    assert_type(await etcd.cluster.add("http://a:1", learner=True), Member)
    assert_type(await etcd.cluster.remove(member), None)
    assert_type(await etcd.cluster.sync(), tuple[str, ...])
    assert_type(await etcd.maintenance.status(), Status)
    assert_type(await etcd.maintenance.hash("a:1"), int)
    assert_type(await etcd.maintenance.hash_kv(endpoint="a:1"), HashKV)
    assert_type(await etcd.maintenance.disarm(), tuple[Alarm, ...])
    assert_type(await etcd.maintenance.move_leader(member), None)
    assert_type(await etcd.maintenance.snapshot("file", lambda done, total: None), Snapshot)
    assert_type(await etcd.compact(3, physical=True), None)


async def wrong(etcd: AsyncETCDService) -> None:
    etcd.watch().only("both")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.watch().on("puts", print)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.stm("serialisable")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with etcd.lease(3):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues, reportAttributeAccessIssue]
        pass
    for _ in etcd.get_all():  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues, reportAttributeAccessIssue]
        pass
    etcd.put("k").value("v")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
