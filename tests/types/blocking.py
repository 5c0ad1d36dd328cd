"""The types of the blocking face, as mypy and pyright see them; never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import assert_type

from etcd_factory import (
    Alarm,
    AuthStatus,
    CasResponse,
    DeleteResponse,
    ETCDService,
    ETCDServiceFactory,
    Event,
    HashKV,
    Health,
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
from etcd_factory.core.op import Op
from etcd_factory.core.ports import Transport
from etcd_factory.testing import ScriptedTransport, replies


def services(etcd: ETCDService, transport: Transport) -> None:
    assert_type(etcd.endpoint, str)
    assert_type(ETCDService({"hosts": "a:1"}, transport=transport), ETCDService)
    with ScriptedTransport([replies.get({"k": "v"})]) as script, ETCDService(transport=script) as scripted:
        assert_type(scripted, ETCDService)


def reads(etcd: ETCDService) -> None:
    assert_type(etcd.get("k").string(), str | None)
    assert_type(etcd.get("k").revision(3).serializable().bytes(), bytes | None)
    assert_type(etcd.get("k").json(), Any)
    assert_type(etcd.get("k").number(), int | float | None)
    assert_type(etcd.get("k").exists(), bool)
    assert_type(etcd.get("k").kv(), KeyValue | None)
    assert_type(etcd.get("k").exec(), RangeResponse)
    everything = etcd.get_all().prefix("p").limit(3).sort("mod", "descend")
    assert_type(everything.keys(), list[str])
    assert_type(everything.key_bytes(), list[bytes])
    assert_type(everything.strings(), dict[str, str])
    assert_type(everything.bytes(), dict[bytes, bytes])
    assert_type(everything.json(), dict[str, Any])
    assert_type(everything.numbers(), dict[str, int | float])
    assert_type(everything.count(), int)
    assert_type(everything.kvs(), list[KeyValue])
    for kv in everything:
        assert_type(kv, KeyValue)


def writes(etcd: ETCDService) -> None:
    assert_type(etcd.put("k").lease(7).previous().value("v"), PutResponse)
    assert_type(etcd.put("k").json({"a": 1}), PutResponse)
    assert_type(etcd.put("k").ignore_lease().touch(), PutResponse)
    assert_type(etcd.delete().previous().key("k"), DeleteResponse)
    assert_type(etcd.delete().all(), DeleteResponse)
    assert_type(etcd.put("k").if_revision(3).lease(7).value("v"), CasResponse)
    assert_type(etcd.put("k").if_absent().json([1]), CasResponse)
    assert_type(etcd.delete().if_revision(3).key("k"), CasResponse)
    assert_type(etcd.put("k").if_absent().touch().current, KeyValue | None)
    assert_type(ops.put("k").if_absent().value("v"), Op[CasResponse])
    assert_type(etcd.increment("k", by=-2), int)
    assert_type(etcd.update("k", lambda kv: kv.text if kv else b""), KeyValue)


def several(etcd: ETCDService) -> None:
    assert_type(ops.put("k").value("v"), Op[PutResponse])
    assert_type(ops.get("k").string(), Op[str | None])
    done = etcd.if_("k", "version", "==", 0).then(ops.put("k").value("v")).else_(ops.get("k"), ops.txn()).commit()
    assert_type(done, TxnResponse)
    ranged = etcd.if_("p/", "mod", "<", 5, prefix=True).and_("a", "lease", "==", 0, end="c")
    assert_type(ranged.then(ops.get("k")).commit(), TxnResponse)
    assert_type(etcd.batch([ops.get("a").string(), ops.get("b").string()]), list[str | None])
    assert_type(etcd.namespace("a/").with_options(timeout=1), ETCDService)


def leases(etcd: ETCDService) -> None:
    assert_type(etcd.lease(10).grant(), int)
    assert_type(etcd.lease(10).keepalive_once(), int)
    assert_type(etcd.lease(10).time_to_live(keys=True), LeaseInfo)
    assert_type(etcd.lease(10).id, int | None)
    assert_type(etcd.lease(10).put("k").value("v"), PutResponse)
    assert_type(etcd.leases(), list[int])
    with etcd.lease(10).on("lost", print) as lease:
        assert_type(lease, Lease[Sync])
        assert_type(etcd.put("k").lease(lease).value("v"), PutResponse)
        lease.release()
    assert_type(etcd.lease(10, id=7).grant(), int)
    with etcd.lease_of(7) as known:
        assert_type(known, Lease[Sync])
        assert_type(known.time_to_live(), LeaseInfo)


def turns(etcd: ETCDService, other: Lease[Async]) -> None:
    with etcd.lease(10) as lease, etcd.lock("name", lease=lease) as lock:
        assert_type(lock, Lock[Sync])
        assert_type(lock.key, bytes)
        assert_type(lock.fencing_token, int)
        assert_type(etcd.if_(lock.key, "create", "==", lock.fencing_token).commit(), TxnResponse)
    assert_type(etcd.lock("name", 5).acquire(timeout=0), Lock[Sync])
    election = etcd.election("name", lease=etcd.lease_of(7))
    assert_type(election.leader_kv(), KeyValue | None)
    with election.campaign("me") as leadership:
        assert_type(leadership, Leadership[Sync])
        assert_type(leadership.key, bytes)
    etcd.lock("name", lease=other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def software(etcd: ETCDService) -> None:
    def transfer(tx: Tx[Sync]) -> int:
        assert_type(tx.get("a").string(), str | None)
        assert_type(tx.get("a").bytes(), bytes | None)
        assert_type(tx.get("a").number(), int | float | None)
        assert_type(tx.get("a").exists(), bool)
        assert_type(tx.get("a").kv(), KeyValue | None)
        tx.put("a").lease(7).value("v")
        tx.delete().key("b")
        return 1

    assert_type(etcd.stm().transact(transfer), int)
    assert_type(etcd.stm("read_committed", retries=3).transact(lambda tx: tx.get("a").exists()), bool)
    etcd.stm("serialisable")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Mine(ETCDService):
    """A user's subclass."""


def factory(clients: ETCDServiceFactory, mine: Mine) -> None:
    assert_type(clients.get(), ETCDService)
    assert_type(clients.create_instance({"hosts": "a:1"}, "x", on_exists="replace"), ETCDService)
    assert_type(clients.remove("x"), None)
    assert_type(clients.clients, Mapping[str, ETCDService])
    assert_type(clients.health(), HealthReport)
    assert_type(clients.health()["x"], Health)
    assert_type(mine.namespace("a"), Mine)
    assert_type(clients.add("y", mine), None)
    clients.add("y", "a:1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with ETCDServiceFactory.from_config(env="local", concurrent=True) as entered:
        assert_type(entered, ETCDServiceFactory)
        assert_type(entered.reload(), Reloaded)
        assert_type(entered.reload().changed, tuple[str, ...])
        assert_type(entered.watch_config(on_reload=lambda reloaded: reloaded.added), None)


def watches(etcd: ETCDService) -> None:
    with etcd.watch().prefix("p/").create() as watcher:
        for event in watcher:
            assert_type(event, Event)
    watching = etcd.watch().key("k").only("put").on("put", print).create()
    assert_type(watching.on("end", lambda: None).cancel(), None)


def mirrors(etcd: ETCDService) -> None:
    with etcd.mirror("p/") as mirror:
        assert_type(mirror[b"k"], KeyValue)
        assert_type(mirror.get("k").string(), str | None)
        assert_type(mirror.get("k", fresh=True).json(), Any)
        assert_type(mirror.get(b"k", fresh=True).number(), int | float | None)
        assert_type(mirror.wait(3), None)
        assert_type(mirror.revision, int)
        assert_type(dict(mirror), dict[bytes, KeyValue])
        assert_type(mirror.on("change", lambda old, new: None).close(), None)


def access(etcd: ETCDService) -> None:
    assert_type(etcd.roles(), list[str])
    assert_type(etcd.users(), list[str])
    assert_type(etcd.role("r").grant("read", prefix="p"), None)
    assert_type(etcd.role("r").permissions(), tuple[Permission, ...])
    assert_type(etcd.role("r").add_user(etcd.user("u")), None)
    assert_type(etcd.user("u").create(None), None)
    assert_type(etcd.user("u").create(hashed="$2b$12$..."), None)
    assert_type(etcd.user("u").set_password(hashed=b"$2b$12$..."), None)
    assert_type(etcd.user("u").roles(), list[str])
    assert_type(etcd.auth.enable(), None)
    assert_type(etcd.auth.status(), AuthStatus)


def administration(etcd: ETCDService) -> None:
    [member] = etcd.cluster.members()
    assert_type(member, Member)
    assert_type(etcd.cluster.add("http://a:1", learner=True), Member)
    assert_type(etcd.cluster.remove(member), None)
    assert_type(etcd.cluster.sync(), tuple[str, ...])
    assert_type(etcd.maintenance.status(), Status)
    assert_type(etcd.maintenance.hash("a:1"), int)
    assert_type(etcd.maintenance.hash_kv(endpoint="a:1"), HashKV)
    assert_type(etcd.maintenance.disarm(), tuple[Alarm, ...])
    assert_type(etcd.maintenance.move_leader(member), None)
    assert_type(etcd.maintenance.snapshot("file", lambda done, total: None), Snapshot)
    assert_type(etcd.maintenance.downgrade("validate", "3.4"), str)
    assert_type(etcd.compact(3, physical=True), None)


def wrong(etcd: ETCDService) -> None:
    etcd.watch().only("both")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.watch().on("puts", print)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.get_all().sort("versoin")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.if_("k", "vlaue", "==", "v")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    etcd.if_("k", "value", "=", "v")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    etcd.role("r").grant("raed", "k")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.lease(3).on("los", print)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ETCDService(transport=etcd)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.put("k").value([1])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.get(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    etcd.get("k").value()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    etcd.txn().then(etcd.put("k").value("v"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
