"""Modules with options of one class, typed or written by hand."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

from typing import Annotated, Generic, TypeVar

import pytest
from attrs import frozen

from etcd_factory import ClientOptions
from etcd_factory.errors import ConfigError
from etcd_factory.nest import (
    Application,
    AsyncApplication,
    ConfigModule,
    ConfigService,
    ConfigurableModule,
    DeclarationError,
    Inject,
    Provider,
    Token,
    UnresolvedError,
    module,
)
from tests.support.nest_in_memory import (
    CLIENT,
    Etcd,
    EtcdModule,
    EtcdService,
    Options,
    StaticEtcdModule,
    TypedEtcdModule,
)
from tests.support.nest_modules import importing

T = TypeVar("T")


@frozen
class CacheOptions:
    size: int
    ttl: float = 1.0


@module(exports=[CacheOptions])
class CacheModule(ConfigurableModule[CacheOptions]):
    pass


def options_of(made):
    with Application(made) as app:
        return app.get(CacheOptions)


@pytest.mark.parametrize("method", [CacheModule.for_root, CacheModule.register])
@pytest.mark.parametrize("options", [{"size": 3}, CacheOptions(3)])
def test_options_are_an_instance_or_a_mapping(method, options):
    assert options_of(method(options)) == CacheOptions(3)


def test_an_instance_stays_the_same_object():
    options = CacheOptions(1)
    assert options_of(CacheModule.for_root(options)) is options


@pytest.mark.parametrize("method", [CacheModule.for_root, CacheModule.register])
def test_invalid_options_are_refused_at_once(method):
    with pytest.raises(ConfigError, match="tll: unknown option of CacheOptions; did you mean 'ttl'"):
        method({"size": 1, "tll": 2})
    with pytest.raises(ConfigError, match="size: required option of CacheOptions is missing"):
        method()


class Factory:
    def create(self):
        return {"size": 7}


class AsyncFactory:
    async def create(self):
        return CacheOptions(8)


@module(providers=[Provider("n", use_value=7), Factory], exports=["n", Factory])
class Imported:
    pass


SOURCES = {
    "a function": {"use_factory": lambda: {"size": 7}},
    "a function with dependencies": {"use_factory": lambda n: CacheOptions(n), "inject": ["n"]},
    "a class": {"use_class": Factory},
    "an instance of an import": {"use_existing": Factory},
}


@pytest.mark.parametrize("method", [CacheModule.for_root_async, CacheModule.register_async])
@pytest.mark.parametrize("source", SOURCES)
def test_options_may_be_computed_at_start(method, source):
    assert options_of(method(**SOURCES[source], imports=[Imported])) == CacheOptions(7)


async def test_options_may_be_awaited():
    async with AsyncApplication(CacheModule.for_root_async(use_class=AsyncFactory)) as app:
        assert app.get(CacheOptions) == CacheOptions(8)


def test_invalid_options_of_a_factory_abort_the_start():
    with pytest.raises(ConfigError, match="sise: unknown option"):
        Application(CacheModule.for_root_async(use_factory=lambda: {"sise": 1})).start()


def test_async_options_without_a_source_are_refused_at_once():
    with pytest.raises(DeclarationError, match="exactly one of use_factory, use_class, use_existing"):
        CacheModule.register_async()
    with pytest.raises(DeclarationError, match="str has no method 'create' to return the options"):
        CacheModule.for_root_async(use_class=str)


def test_a_token_may_name_the_existing_factory():
    token = Token[Factory]("FACTORY")

    @module(providers=[Provider(token, use_class=Factory)], exports=[token])
    class Factories:
        pass

    assert options_of(CacheModule.for_root_async(use_existing=token, imports=[Factories])) == CacheOptions(7)


def test_a_root_may_be_global_and_every_module_may_be_named():
    assert CacheModule.for_root({"size": 1}, is_global=True, name="cache").is_global
    assert CacheModule.for_root_async(use_factory=dict, is_global=True).is_global
    assert not CacheModule.register({"size": 1}, name="cache").is_global
    assert CacheModule.register_async(use_factory=dict, name="cache").name == "cache"


def test_equal_options_are_the_same_module():
    root = importing(CacheModule.register({"size": 1}), CacheModule.register(CacheOptions(1)))
    assert list(Application(root).graph.tree.nodes) == ["App", "CacheModule"]


def test_a_module_may_override_how_options_are_read():
    @module(exports=[ClientOptions])
    class ClientModule(ConfigurableModule[ClientOptions]):
        @classmethod
        def read_options(cls, options):
            return ClientOptions.of(options)

    with Application(ClientModule.for_root({"host": "etcd:2379", "dialTimeout": 1})) as app:
        assert app.get(ClientOptions) == ClientOptions(hosts="etcd:2379", dial_timeout=1)
    with pytest.raises(ConfigError, match="hots: unknown option; did you mean 'hosts'"):
        ClientModule.for_root({"hots": "etcd:2379"})


def test_the_options_class_is_inherited():
    class Middle(ConfigurableModule[CacheOptions], Generic[T]):
        pass

    class Subclass(Middle[int]):
        pass

    assert Middle.options_class is CacheOptions
    assert Subclass.options_class is CacheOptions


def test_a_module_without_an_options_class_is_refused_with_a_fix():
    @module()
    class Bare(ConfigurableModule):
        pass

    @module()
    class Open(ConfigurableModule[T]):
        pass

    for cls in (Bare, Open):
        with pytest.raises(DeclarationError, match=rf"write class {cls.__name__}\(ConfigurableModule\[Options\]\)"):
            cls.for_root({})


def test_a_configurable_module_has_to_be_decorated():
    class Undecorated(ConfigurableModule[CacheOptions]):
        pass

    with pytest.raises(DeclarationError, match=r"Undecorated is not a module; decorate the class with @module\(\)"):
        Undecorated.for_root({"size": 1})


MODULES = [EtcdModule, TypedEtcdModule]


class Controller:
    """The same consumer for all etcd modules."""

    def __init__(self, etcd: EtcdService):
        self.etcd = etcd


def feature_importing(etcd, *others):
    """A root module that imports a feature with the controller, which imports the etcd module."""

    @module(imports=[etcd], providers=[Controller])
    class Feature:
        pass

    return importing(*others, Feature)


@pytest.mark.anchor("nest-37")
@pytest.mark.parametrize("etcd", MODULES)
def test_options_are_bound_and_the_client_is_built_from_them(etcd):
    options = Options(hosts="http://etcd:2379")
    with Application(feature_importing(etcd.for_root(options))) as app:
        assert app.get(Controller).etcd.client.options is options
        client = app.select(etcd).get(CLIENT)
        assert client is app.get(EtcdService).client
    assert client.closed


@pytest.mark.anchor("nest-37")
@pytest.mark.parametrize("etcd", MODULES)
def test_options_may_be_left_out(etcd):
    with Application(feature_importing(etcd.for_root())) as app:
        assert app.get(Controller).etcd.client.options in (None, Options())


@pytest.mark.anchor("nest-37")
def test_the_client_is_private():
    class Prying:
        def __init__(self, client: Annotated[Etcd, Inject(CLIENT)]):
            self.client = client

    with pytest.raises(UnresolvedError, match="EtcdModule provides it: add it to the exports of EtcdModule"):
        Application(importing(EtcdModule.for_root(), providers=(Prying,)))


@pytest.mark.anchor("nest-38")
@pytest.mark.parametrize("etcd", [StaticEtcdModule, EtcdModule.for_root(), TypedEtcdModule.for_root()])
def test_the_consumer_is_the_same_for_a_static_and_a_dynamic_module(etcd):
    with Application(feature_importing(etcd)) as app:
        service = app.get(Controller).etcd
        service.save_config("aaa", "1")
        assert (service.get_config("aaa"), service.get_config("bbb")) == ("1", None)


@pytest.mark.anchor("nest-39")
@pytest.mark.parametrize("etcd", MODULES)
async def test_options_of_an_async_factory_are_awaited_before_the_client_is_built(etcd):
    async def options():
        return Options(hosts="awaited")

    async with AsyncApplication(feature_importing(etcd.for_root_async(use_factory=options))) as app:
        assert app.get(Controller).etcd.client.options.hosts == "awaited"


@pytest.mark.anchor("nest-39")
@pytest.mark.parametrize("etcd", MODULES)
def test_a_synchronous_factory_works_in_a_blocking_application(etcd):
    made = etcd.for_root_async(use_factory=lambda: Options(hosts="plain"), inject=[])
    with Application(feature_importing(made)) as app:
        assert app.get(Controller).etcd.client.options.hosts == "plain"


@pytest.mark.anchor("nest-40")
@pytest.mark.parametrize("etcd", MODULES)
async def test_a_factory_reads_the_global_configuration_without_importing_it(etcd, tmp_path):
    (tmp_path / ".env").write_text(
        "etcd_hosts=http://from.env:2379\netcd_auth_username=root\netcd_auth_password=guang\n"
    )

    async def options(config: ConfigService):
        return Options(config["etcd_hosts"], config["etcd_auth_username"], config["etcd_auth_password"])

    root = feature_importing(
        etcd.for_root_async(use_factory=options, inject=[ConfigService]),
        ConfigModule.for_root(is_global=True, env_file_path=tmp_path / ".env"),
    )
    async with AsyncApplication(root) as app:
        assert app.get(EtcdService).client.options == Options("http://from.env:2379", "root", "guang")
