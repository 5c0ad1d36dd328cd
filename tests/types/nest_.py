"""Static types of modules, for mypy and pyright; never run. Each line with an ignore must be an error in both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Protocol

import dishka
from attrs import frozen
from omegaconf import DictConfig
from typing_extensions import assert_type

from etcd_factory.nest import (
    REQUEST,
    Application,
    AsyncApplication,
    AsyncContext,
    AsyncModuleRef,
    AsyncTest,
    ConditionalModule,
    ConfigModule,
    ConfigService,
    ConfigurableModule,
    Context,
    DynamicModule,
    Inject,
    ModuleRef,
    Namespace,
    Provider,
    Selected,
    Test,
    Token,
    forward_ref,
    key_of,
    module,
    provider_of,
    register_as,
)


@frozen
class Options:
    hosts: str = ""


class Other:
    pass


class Client:
    pass


CLIENT = Token[Client]("CLIENT")


class Speaker(Protocol):
    def speak(self) -> str: ...


class Abstract(ABC):
    @abstractmethod
    def call(self) -> int: ...


@frozen
class Service:
    client: Annotated[Client, Inject(CLIENT)]


def connect(options: Options) -> Client:
    return Client()


@module(providers=[Service, Provider(CLIENT, use_factory=connect)], exports=[Service])
class EtcdModule(ConfigurableModule[Options]):
    def own(self) -> int:
        return 1


class Factory:
    def create(self) -> Options:
        return Options()


class AsyncFactory:
    async def create(self) -> Options:
        return Options()


class WrongFactory:
    def create(self) -> int:
        return 1


def plain(config: ConfigService) -> Options:
    return Options(config["hosts"])


async def awaited(config: ConfigService) -> Options:
    return Options(config["hosts"])


async def mapping() -> dict[str, str]:
    return {"hosts": "a"}


def wrong() -> int:
    return 1


async def wrong_awaited() -> Other:
    return Other()


def options(tree: DictConfig) -> None:
    assert_type(EtcdModule.for_root(), DynamicModule)
    assert_type(EtcdModule.register(Options()), DynamicModule)
    EtcdModule.for_root({"hosts": "a"}, is_global=True, name="etcd")
    EtcdModule.for_root(tree)
    EtcdModule.for_root(42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EtcdModule.register(Other())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EtcdModule.register(Options(), is_globl=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def async_options() -> None:
    assert_type(EtcdModule.for_root_async(use_factory=plain, inject=[ConfigService]), DynamicModule)
    EtcdModule.for_root_async(use_factory=awaited, inject=[ConfigService])
    EtcdModule.register_async(use_factory=mapping)
    EtcdModule.register_async(use_class=Factory, imports=[EtcdModule])
    EtcdModule.register_async(use_class=AsyncFactory)
    EtcdModule.register_async(use_existing=Factory)
    EtcdModule.register_async(use_existing=Token[Factory]("FACTORY"))
    EtcdModule.for_root_async(use_factory=wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EtcdModule.register_async(use_factory=wrong_awaited)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EtcdModule.for_root_async(use_class=WrongFactory)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EtcdModule.for_root_async(use_existing=WrongFactory)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def requests(app: Application) -> None:
    assert_type(app.get(Service), Service)
    assert_type(app.get(CLIENT), Client)
    assert_type(app.get("text"), Any)
    assert_type(app.select(EtcdModule), Selected)
    assert_type(app.select("EtcdModule#2").get(Service, strict=True), Service)
    assert_type(app.get(EtcdModule).own(), int)
    assert_type(app.container, dishka.Container)
    abstract: Abstract = app.get(Abstract)
    speaker: Speaker = app.get(Speaker)
    wrong: int = app.get(Service)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    del abstract, speaker, wrong


def declarations() -> None:
    Provider(CLIENT, use_class=Client)
    Provider(Abstract, use_factory=connect, inject=[Options])
    Provider("alias", use_existing=CLIENT)
    Provider(CLIENT, use_class=42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Provider(CLIENT, use_factory=42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Provider(CLIENT, use_clas=Client)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    DynamicModule(EtcdModule, imports=[EtcdModule], providers=[Service], exports=["a", Service, CLIENT])
    DynamicModule(42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DynamicModule(EtcdModule, imports=[42])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


def containers(container: dishka.Container) -> None:
    assert_type(key_of(CLIENT), type[Client])
    assert_type(container.get(key_of(CLIENT)), Client)
    assert_type(container.get(key_of("text")), Any)


def started() -> None:
    with Application(EtcdModule, overrides=[Provider(CLIENT, use_value=Client())]) as app:
        assert_type(app, Application)
    Application(EtcdModule, identity="reference")
    Application(EtcdModule, identity="referenc")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Application(42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(provider_of(EtcdModule.for_root()), dishka.Provider)


async def started_async() -> None:
    async with AsyncApplication(EtcdModule.for_root()) as app:
        assert_type(app, AsyncApplication)
        assert_type(app.get(Service), Service)
        assert_type(app.container, dishka.AsyncContainer)


def scopes(app: Application, ref: ModuleRef) -> None:
    assert_type(app.context(), Context)
    with app.context("request") as context:
        assert_type(app.resolve(Service, context=context), Service)
        assert_type(ref.resolve(CLIENT, context=context, strict=False), Client)
        assert_type(ref.create(Other, context=context), Other)
    assert_type(app.resolve(REQUEST), Any)
    assert_type(ref.get(Service), Service)
    assert_type(app.enable_shutdown_hooks(["SIGTERM"]), Application)
    app.stop(signal="SIGTERM")
    Provider(CLIENT, use_class=Client, scope="request")
    Provider(CLIENT, use_class=Client, scope="requst")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Inject(forward_ref(lambda: Service))


async def scopes_async(app: AsyncApplication, ref: AsyncModuleRef, blocking: Context) -> None:
    assert_type(app.context(), AsyncContext)
    async with app.context() as context:
        assert_type(await app.resolve(Service, context=context), Service)
        assert_type(await ref.resolve(CLIENT), Client)
        assert_type(await ref.create(Other), Other)
    await app.resolve(Service, context=blocking)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert_type(await app, AsyncApplication)


async def tests() -> None:
    builder = Test.create(App, providers=[Service]).override_provider(CLIENT).use_value(Client())
    replaced = builder.override_module(EtcdModule).use_module(EtcdModule.for_root()).use_mocker(str)
    assert_type(replaced.compile(), Application)
    assert_type(AsyncTest.create().override_provider(CLIENT).use_class(Client).compile(), AsyncApplication)


async def load() -> dict[str, int]:
    return {}


def configuration() -> None:
    assert_type(register_as("a", load), Namespace)
    assert_type(register_as("a")(load).KEY, str)
    ConfigModule.for_root(load=[load, {"a": 1}, register_as("a", load)], cache=True, expand_variables=True)
    assert_type(ConditionalModule.register_when(App, lambda env: env["A"]), DynamicModule)
    ConditionalModule.register_when(App, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@module(
    imports=[
        EtcdModule,
        EtcdModule.for_root(),
        ConfigModule.for_root(is_global=True),
        lambda: EtcdModule,
        forward_ref(lambda: EtcdModule),
    ],
    providers=[Service, connect, Provider("a", use_value=None)],
    exports=[Service, CLIENT, "a", EtcdModule],
)
class App:
    def own(self) -> int:
        return 1


assert_type(App().own(), int)
