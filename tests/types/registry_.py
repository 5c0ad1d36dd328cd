"""What type checkers see of the registry. Never run: mypy and pyright read it, and report each line with an ignore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import assert_type

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.core.face import Async, Sync
from etcd_factory.registry import (
    AsyncServiceRegistry,
    Format,
    Registration,
    ServiceInstance,
    ServiceRegistry,
    ServiceView,
)
from etcd_factory.registry.formats import Kratos


def last(instances: Sequence[ServiceInstance], key: str | bytes | None) -> ServiceInstance:
    del key
    return instances[-1]


def changed(instances: tuple[ServiceInstance, ...]) -> None:
    del instances


async def changed_later(instances: tuple[ServiceInstance, ...]) -> None:
    del instances


def lost(one: Registration[Sync]) -> None:
    one.update({"n": 1})


async def lost_later(one: Registration[Async]) -> None:
    await one.update({"n": 1})


def instances(one: ServiceInstance) -> None:
    assert_type(one.service, str)
    assert_type(one.id, str)
    assert_type(one.host, str | None)
    assert_type(one.port, int | None)
    assert_type(one.metadata, Mapping[str, Any])
    assert_type(one.weight, float)
    assert_type(one.tags, tuple[str, ...])
    assert_type(one.status, Literal["up", "paused", "down"])
    assert_type(one.started, float)
    assert_type(one.ttl, int)
    assert_type(one.address, str)
    assert_type(one.has(["web"]), bool)
    one.weight = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


class Own(Format):
    namespace = "own"

    def encode(self, instance: ServiceInstance) -> bytes | None:
        return instance.address.encode()

    def decode(self, service: str, id: str, value: bytes) -> ServiceInstance:  # noqa: A002
        return ServiceInstance(service, id, metadata={"value": value.decode()})


def formats(etcd: ETCDService, other: AsyncETCDService) -> None:
    ServiceRegistry(etcd, format="naming", read=["etcd_factory", Kratos(scheme="http"), Own()])
    ServiceRegistry(etcd, format=Own(), read="kitex")
    AsyncServiceRegistry(other, format=Kratos(namespace="own", ttl=5))
    ServiceRegistry(etcd, format="krato")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ServiceRegistry(etcd, format=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ServiceRegistry(etcd, read=["krato"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


def blocking(etcd: ETCDService) -> None:
    registry = ServiceRegistry(etcd, "services", ttl=10, load_balancer="weighted", service_options={"port": 80})
    one = registry.register("user", "a", {"zone": "x"}, host="h", port=80, weight=0.5, tags=["web"], ttl=5)
    assert_type(one, Registration[Sync])
    assert_type(one.instance, ServiceInstance)
    assert_type(one.alive, bool)
    assert_type(one.update({"zone": "y"}, weight=2, tags="blue"), None)
    assert_type(one.pause(), None)
    assert_type(one.resume(), None)
    assert_type(one.on("lost", lost).on("restored", print), Registration[Sync])
    assert_type(one.deregister(), None)
    with registry.register("user") as other:
        assert_type(other, Registration[Sync])
    assert_type(registry.discover("user", tags=["web"], status=None), list[ServiceInstance])
    assert_type(registry.services(), list[str])


def is_healthy() -> bool:
    return True


async def is_healthy_later() -> None:
    return None


def checked(registry: ServiceRegistry) -> None:
    one = registry.register("user", check="http://127.0.0.1:80/health", interval=2.5, failures=2)
    assert_type(registry.register("user", check=is_healthy), Registration[Sync])
    assert_type(one.deregister(drain=5), None)
    registry.register("user", check=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def reach(instance: ServiceInstance) -> int:
    return instance.port or 0


async def reach_later(instance: ServiceInstance) -> int:
    return instance.port or 0


def choosing(registry: ServiceRegistry) -> None:
    view = registry.subscribe("user", balancer="p2c", zone="x", subset=5, outlier={"failures": 3, "share": 0.5})
    assert_type(registry.subscribe("user", subset={"size": 5, "client": "me"}, outlier={}), ServiceView[Sync])
    assert_type(view.ejected, tuple[ServiceInstance, ...])
    assert_type(view.call(reach, attempts=3, key="k"), int)
    with view.use("key") as instance:
        assert_type(instance, ServiceInstance)
    registry.subscribe("user", balancer="p3c")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    registry.subscribe("user", zone=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def choosing_later(registry: AsyncServiceRegistry) -> None:
    view = await registry.subscribe("user", balancer="p2c")
    assert_type(await view.call(reach_later), int)
    assert_type(await view.call(reach), int)
    with view.use() as instance:
        assert_type(instance, ServiceInstance)
    async with view.use() as other:
        assert_type(other, ServiceInstance)
    one = await registry.register("user", check=is_healthy_later)
    assert_type(await one.deregister(drain=0.5), None)


def views(registry: ServiceRegistry) -> None:
    view = registry.subscribe("user", load_balancer=last, tags="web", status=None, threshold=None, hold=5, warmup=30)
    assert_type(view, ServiceView[Sync])
    assert_type(view.instances, tuple[ServiceInstance, ...])
    assert_type(view.pick("key"), ServiceInstance)
    assert_type(view.on("change", changed), ServiceView[Sync])
    assert_type(view.close(), None)
    with view.use(b"key") as instance:
        assert_type(instance, ServiceInstance)
    with registry.subscribe("user") as other:
        assert_type(other, ServiceView[Sync])
    assert_type(registry.watch("user", changed, threshold=0.5), ServiceView[Sync])


async def awaited(etcd: AsyncETCDService) -> None:
    registry = AsyncServiceRegistry(etcd, load_balancer=last)
    one = await registry.register("user", port=80)
    assert_type(one, Registration[Async])
    assert_type(one.instance, ServiceInstance)
    assert_type(await one.update(weight=2), None)
    assert_type(await one.pause(), None)
    assert_type(await one.resume(), None)
    assert_type(one.on("lost", lost_later), Registration[Async])
    assert_type(await one.deregister(), None)
    async with registry.register("user") as other:
        assert_type(other, Registration[Async])
    assert_type(await registry.discover("user"), list[ServiceInstance])
    assert_type(await registry.services(), list[str])
    view = await registry.subscribe("user")
    assert_type(view, ServiceView[Async])
    assert_type(view.pick(), ServiceInstance)
    assert_type(view.on("change", changed_later), ServiceView[Async])
    assert_type(await view.close(), None)
    assert_type(await registry.watch("user", changed_later), ServiceView[Async])
    async with registry.subscribe("user") as seen:
        assert_type(seen, ServiceView[Async])


def invalid(etcd: ETCDService, other: AsyncETCDService) -> None:
    registry = ServiceRegistry(etcd)
    ServiceRegistry(other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ServiceRegistry(etcd, load_balancer="robin")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ServiceRegistry(etcd, service_options={"prot": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    registry.register("user", prot=80)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    registry.register("user", port="80")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    registry.subscribe(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    registry.register("user").update(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def unknown_words(registry: ServiceRegistry) -> None:
    registry.discover("user", status="pause")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    registry.subscribe("user", load_balancer="robin")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    registry.subscribe("user").on("changed", changed)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    registry.register("user").on("losts", lost)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def missing_await(registry: AsyncServiceRegistry) -> None:
    registry.discover("user")  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    with registry.register("user"):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues, reportAttributeAccessIssue]
        pass
