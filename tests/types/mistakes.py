"""Typical mistakes: both type checkers must report each of these lines.

mypy reports an ``ignore`` that ignores nothing, and so does pyright with the setting below: a mistake that passes
unseen is an error of this file. It is checked, never run.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true, reportUnusedCoroutine=true

from datetime import timedelta

from etcd_factory import AsyncETCDService, ClientOptions, ETCDService, ETCDServiceFactory, KeyValue, ops


def options() -> None:
    ETCDService({"hots": ["127.0.0.1:2379"]})  # type: ignore
    ETCDService({"hosts": 2379})  # type: ignore
    ETCDService({"timeout": timedelta(seconds=5)})  # type: ignore
    ETCDService({"auth": {"user": "root", "password": "pw"}})  # type: ignore
    ETCDService({"tls": {"cafile": "ca.pem"}})  # type: ignore
    ETCDService({"retry": {"attempt": 3}})  # type: ignore
    ClientOptions(hosts=2379)  # type: ignore
    ClientOptions(timeout=timedelta(seconds=5))  # type: ignore
    ClientOptions(host="127.0.0.1")  # type: ignore
    ETCDServiceFactory({"clients": [{"hosts": "127.0.0.1:2379"}]})  # type: ignore
    ETCDServiceFactory({"client": {"hots": "127.0.0.1:2379"}})  # type: ignore


async def change(kv: KeyValue | None) -> str:
    return kv.text if kv else ""


def blocking(etcd: ETCDService) -> None:
    etcd.put("k").value(None)  # type: ignore
    etcd.put("k").if_revision("3")  # type: ignore
    etcd.put("k").if_absent().previous()  # type: ignore
    etcd.delete().if_revision(3).prefix("p")  # type: ignore
    etcd.increment("k", 1.5)  # type: ignore
    etcd.update("k", lambda kv: None)  # type: ignore
    etcd.update("k", change)  # type: ignore
    etcd.put("k").value([1, 2])  # type: ignore
    etcd.put("k", "v")  # type: ignore
    etcd.get("k").strings()  # type: ignore
    etcd.get_all("p")  # type: ignore
    etcd.get_all().sort("modified")  # type: ignore
    etcd.get_all().sort("key", "asc")  # type: ignore
    etcd.if_("k", "revision", "==", 0)  # type: ignore
    etcd.if_("k", "version", "=", 0)  # type: ignore
    etcd.if_("k", "version", "==", "0")  # type: ignore
    etcd.txn().and_("k", "mod", ">", "0")  # type: ignore
    etcd.txn().then("put k v")  # type: ignore
    etcd.watch().only("puts")  # type: ignore
    etcd.watch().on("deleted", print)  # type: ignore
    etcd.lock("l").on("gone", print)  # type: ignore
    etcd.lease("10")  # type: ignore
    etcd.role("r").grant("rw", "k")  # type: ignore
    etcd.stm("snapshot")  # type: ignore
    length: int = len(etcd.get("k").string())  # type: ignore
    number: int = etcd.get("k").number()  # type: ignore
    del length, number


async def awaited(etcd: AsyncETCDService) -> None:
    etcd.put("k").value("v")  # type: ignore
    text: str | None = etcd.get("k").string()  # type: ignore
    for kv in etcd.get_all():  # type: ignore
        del kv
    with etcd.lease(10) as lease:  # type: ignore
        del lease
    await etcd.batch([ops.put("k")])  # type: ignore
    del text


def factory(clients: ETCDServiceFactory) -> None:
    clients.create_instance({"hosts": ["127.0.0.1:2379"]}, "two", on_exists="overwrite")  # type: ignore
    clients.get(1)  # type: ignore
    clients.registry().subscribe("users", load_balancer="round-robin")  # type: ignore
    clients.registry().subscribe("users", status="ok")  # type: ignore
