"""What type checkers see of the options. Never run: mypy and pyright read it.

Every line of ``wrong`` has an error in both checkers; an ignore that is not needed is an error too.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig
from pydantic import AnyUrl, BaseModel, SecretStr
from typing_extensions import assert_type

from etcd_factory import (
    TLS,
    AsyncETCDServiceFactory,
    Auth,
    ClientOptions,
    ETCDService,
    ETCDServiceFactory,
    FactoryOptions,
    Keepalive,
    Retry,
    config_schema,
    load_config,
)
from etcd_factory.options import ClientOptionsDict, FactoryOptionsDict, Secret
from etcd_factory.options.services import ConfigCenterOptions, ServiceDiscovery
from etcd_factory.registry import ServiceInstance
from etcd_factory.registry.formats import Kratos


def secret() -> str:
    return "hunter2"


def choose(instances: Sequence[ServiceInstance], key: str | bytes | None) -> ServiceInstance:
    return instances[0]


class Custom(ETCDService):
    pass


class Model(BaseModel):
    hosts: str = "a:1"


def instances() -> None:
    ClientOptions()
    ClientOptions("a:1", Auth("u", "p"), TLS("ca.pem"), "ns/", 1, 2, None, Retry(3), Keepalive(10, 5))
    ClientOptions(hosts=["a:1", "b:2"], auth=Auth(token=secret), tls=TLS(ca=Path("ca.pem")), namespace=b"\xff")
    ClientOptions(hosts=("a:1", "b:2"), auth={"username": "u", "password": secret}, tls=None, sync=30, batching=False)
    ClientOptions.of({"hosts": "a:1", "batching": "reads"})
    ClientOptions.of("etcd://u:p@h")
    ClientOptions.of(Model())
    ClientOptions.of(Secret("etcd://h"))
    ClientOptions.of({"hosts": [AnyUrl("http://h")], "auth": Model(), "proxy": AnyUrl("http://h:1")})
    assert_type(ClientOptions(batching="all").batching, Literal[False, "reads", "all"])
    ClientOptions(retry={"attempts": 3}, keepalive={"time": 10}, proxy="proxy:3128", share=False)
    ClientOptions(transport="grpc", grpc_options={"grpc.x": 1, "grpc.y": "z"})
    ClientOptions(client_class=Custom, timeout=0.5)
    ClientOptions(timeout="5s", dial_timeout="500ms", sync="1m", keepalive=Keepalive("10s", "5s"))
    ClientOptions(auth=Auth({"file": "user"}, {"file": Path("pw")}), tls={"ca": "a", "cert": "b", "key": Secret("c")})
    ClientOptions(auth=Auth("root", Secret("hunter2")))
    ClientOptions(client_class="package.module:Custom")
    FactoryOptions(client=ClientOptions(), clients={"a": {"host": "a:1"}, "b": None}, client_priority={"a": "high"})
    ServiceDiscovery(client="a", ttl=5, load_balancer="random", service_options={"host": "a", "tags": ["x"]})
    ServiceDiscovery(load_balancer=choose, ttl="10s")
    ServiceDiscovery(format="kratos", read=["naming", Kratos(scheme="http")])
    ConfigCenterOptions(prefix="x/", fallback=Path("last.json"))


def values(options: ClientOptions, factory: FactoryOptions) -> None:
    assert_type(options.hosts, tuple[str, ...])
    assert_type(options.auth, Auth | None)
    assert options.auth is not None
    assert_type(options.auth.password, Secret | Callable[[], object] | None)
    assert_type(options.timeout, float)
    assert_type(options.retry.attempts, int)
    assert_type(options.grpc_options, Mapping[str, object])
    assert_type(factory.client_priority, dict[str, Literal["high", "medium", "low"]])


def mappings(untyped: dict[str, Any], mapping: Mapping[str, Any], tree: DictConfig) -> None:
    typed: ClientOptionsDict = {"hosts": "a:1", "timeout": 3}
    for options in (untyped, mapping, tree, typed, ClientOptions(), None):
        ClientOptions.of(options)
    ClientOptions.of({})
    ClientOptions.of({**typed, "timeout": 5})
    ClientOptions.of(
        {"host": ["a:1"], "dialTimeout": 1, "credentials": {"serverName": "x"}, "customClientClass": Custom}
    )
    ClientOptions.of({"auth": untyped, "tls": TLS(), "retry": {"attempts": None}, "timeout": None})
    ClientOptions.of({"auth": {"token": secret}, "transport": "grpc", "grpcOptions": untyped})
    ClientOptions.of({"timeout": "5s", "dialTimeout": "500ms", "keepalive": {"time": "10s"}})
    ClientOptions.of({"retry": {"maximum": "1s"}})
    ClientOptions.of({"auth": {"username": "root", "password": {"file": Path("pw")}}})


def factories(untyped: dict[str, Any], tree: DictConfig) -> None:
    typed: FactoryOptionsDict = {"client": {"hosts": "a:1"}}
    for config in (untyped, tree, typed, FactoryOptions(), None):
        ETCDServiceFactory(config)
    ETCDServiceFactory(load_config("config").etcd)
    ETCDServiceFactory({"default": {"timeout": 5}, "client": untyped, "clients": {"a": {"host": "a:1"}, "b": untyped}})
    ETCDServiceFactory({"client": ClientOptions(), "defaultClientName": "a", "priority": {"a": "High", "b": None}})
    ETCDServiceFactory({"serviceDiscovery": {"loadBalancer": "random"}, "config_center": {"prefix": "x/"}})
    AsyncETCDServiceFactory({"clients": untyped})


async def clients(blocking: ETCDServiceFactory, asyncio: AsyncETCDServiceFactory, untyped: dict[str, Any]) -> None:
    assert_type(blocking.create_instance({"hosts": "a:1"}, "a", on_exists="replace"), ETCDService)
    assert_type(blocking.create_instance(untyped), ETCDService)
    await asyncio.create_instance({"hosts": "a:1"}, on_exists="return")
    assert_type(blocking.priority("a"), Literal["high", "medium", "low"])


def urls_and_models() -> None:
    ETCDService("etcd://h")
    ETCDService(AnyUrl("etcd://h"))
    ETCDServiceFactory(SecretStr("etcd://h"))
    ETCDServiceFactory(Model())
    ETCDServiceFactory({"client": "etcd://h", "clients": {"a": Model(), "b": SecretStr("etcd://h")}})
    assert_type(Custom.from_url("etcd://h"), Custom)
    assert_type(Custom.from_env(".env", Path("b.env")), Custom)
    assert_type(config_schema("app.etcd"), dict[str, Any])


def wrong(strings: dict[str, str], blocking: ETCDServiceFactory) -> None:
    ClientOptions.of({"hots": "a:1"})  # type: ignore[dict-item]
    ClientOptions.of({"hots": "a:1", "timeout": 3})  # type: ignore[dict-item]
    ClientOptions.of({"timeout": timedelta(seconds=3)})  # type: ignore[dict-item]
    ClientOptions.of({"auth": {"password": {"fiel": "pw"}}})  # type: ignore[dict-item]
    ClientOptions.of({"auth": {"user": "u"}})  # type: ignore[dict-item]
    ClientOptions.of({"tls": {"sever_name": "x"}})  # type: ignore[dict-item]
    ClientOptions.of({"retry": {"attempts": "3"}})  # type: ignore[dict-item]
    ClientOptions.of({"batching": True})  # type: ignore[dict-item]
    ClientOptions.of({"batching": "writes"})  # type: ignore[dict-item]
    ClientOptions.of({"hosts": 2379})  # type: ignore[dict-item]
    ClientOptions.of(strings)  # type: ignore[arg-type]
    ClientOptions(hots="a:1")  # type: ignore[call-arg]
    ClientOptions(hosts=2379)  # type: ignore[arg-type]
    ClientOptions(timeout=timedelta(seconds=5))  # type: ignore[arg-type]
    ClientOptions(auth=("u", "p"))  # type: ignore[arg-type]
    ClientOptions(auth={"pasword": "p"})  # type: ignore[dict-item]
    ClientOptions(retry=3)  # type: ignore[arg-type]
    ClientOptions(batching=True)  # type: ignore[arg-type]
    Auth("u", 1234)  # type: ignore[arg-type]
    TLS(ca=True)  # type: ignore[arg-type]
    Retry(attempts=1.5)  # type: ignore[arg-type]
    Keepalive(tme=1)  # type: ignore[call-arg]
    FactoryOptions(client_priority={"a": "hihg"})  # type: ignore[dict-item]
    ServiceDiscovery(load_balancer="rnd")  # type: ignore[arg-type]
    ServiceDiscovery(service_options={"hst": "a"})  # type: ignore[dict-item]
    ETCDServiceFactory({"cleints": {}})  # type: ignore[dict-item]
    ETCDServiceFactory({"client": {"hots": "a"}})  # type: ignore[dict-item]
    ETCDServiceFactory({"clients": {"a": {"tls": True}}})  # type: ignore[dict-item]
    ETCDServiceFactory({"priority": {"a": "hihg"}})  # type: ignore[dict-item]
    AsyncETCDServiceFactory({"client": 2379})  # type: ignore[dict-item]
    blocking.create_instance({"hots": "a:1"})  # type: ignore[dict-item]
    blocking.create_instance(None, "a", on_exists="retrun")  # type: ignore[arg-type]
