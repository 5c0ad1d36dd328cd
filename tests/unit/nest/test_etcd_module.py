"""``EtcdModule`` and ``AsyncEtcdModule``: who sees the client, when it is closed, and which of several is used."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

from typing import Annotated

import pytest

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ConfigError, ETCDService, ETCDServiceFactory
from etcd_factory.errors import ClientClosedError
from etcd_factory.nest import (
    ASYNC_ETCD_CLIENT,
    ETCD_CLIENT,
    Application,
    AsyncApplication,
    AsyncEtcdModule,
    AsyncEtcdService,
    AsyncFactoryError,
    ConfigModule,
    ConfigService,
    DeclarationError,
    EtcdModule,
    EtcdService,
    Inject,
    UnresolvedError,
    async_client_token,
    client_token,
    module,
)
from tests.support.nest_modules import importing


class Controller:
    def __init__(self, etcd: EtcdService):
        self.etcd = etcd


class AsyncController:
    def __init__(self, etcd: AsyncEtcdService):
        self.etcd = etcd


class Feature:
    def __init__(self, client: ETCDService, service: EtcdService):
        self.client, self.service = client, service


class AsyncFeature:
    def __init__(self, client: AsyncETCDService, service: AsyncEtcdService):
        self.client, self.service = client, service


class Direct:
    def __init__(self, client: Annotated[ETCDService, Inject(ETCD_CLIENT)]):
        self.client = client


def feature(name, etcd=EtcdModule, consumer=Feature):
    """A module that uses one of several clients."""

    @module(imports=[etcd.for_feature(name)], providers=[consumer], exports=[consumer])
    class Part:
        pass

    return Part


@pytest.mark.anchor("nest-37")
def test_it_provides_the_service_on_a_client_with_the_options(etcd_options):
    with Application(importing(EtcdModule.for_root(etcd_options), providers=(Controller,))) as app:
        app.get(Controller).etcd.save_config("aaa", "1")
        client = app.select(EtcdModule).get(ETCD_CLIENT)
        assert isinstance(client, ETCDService)
        assert client.get("aaa").string() == "1"
        assert client.options.namespace == etcd_options["namespace"]


class Leaving:
    """Uses etcd in its first hook and in its last one."""

    def __init__(self, etcd: EtcdService):
        self.etcd = etcd

    def on_module_init(self):
        self.etcd.save_config("state", "running")

    def on_application_shutdown(self, signal):
        self.etcd.save_config("state", signal)


class AsyncLeaving:
    def __init__(self, etcd: AsyncEtcdService):
        self.etcd = etcd

    async def on_module_init(self):
        await self.etcd.save_config("state", "running")

    async def on_application_shutdown(self, signal):
        await self.etcd.save_config("state", signal)


@pytest.mark.anchor("nest-65")
def test_the_client_is_open_in_all_hooks(etcd_options):
    with ETCDService(etcd_options) as etcd:
        app = Application(importing(EtcdModule.for_root(etcd_options), providers=(Leaving,))).start()
        assert etcd.get("state").string() == "running"
        app.stop(signal="SIGTERM")
        assert etcd.get("state").string() == "SIGTERM"


@pytest.mark.anchor("nest-65")
async def test_the_client_is_open_in_all_hooks_in_asyncio(etcd_options):
    async with AsyncETCDService(etcd_options) as etcd:
        app = await AsyncApplication(importing(AsyncEtcdModule.for_root(etcd_options), providers=(AsyncLeaving,)))
        assert await etcd.get("state").string() == "running"
        await app.stop(signal="SIGTERM")
        assert await etcd.get("state").string() == "SIGTERM"


@pytest.mark.anchor("nest-37")
def test_options_may_be_left_out():
    with Application(importing(EtcdModule.for_root(), providers=(Controller,))) as app:
        assert "127.0.0.1:2379" in repr(app.select(EtcdModule).get(ETCD_CLIENT))


@pytest.mark.anchor("nest-37")
def test_the_client_is_visible_only_in_its_module():
    with pytest.raises(UnresolvedError, match="add it to the exports of EtcdModule"):
        Application(importing(EtcdModule.for_root(), providers=(Direct,)))


def test_the_client_is_closed_when_the_application_stops(etcd_options):
    with Application(importing(EtcdModule.for_root(etcd_options))) as app:
        client = app.select(EtcdModule).get(ETCD_CLIENT)
        assert client.get("k").string() is None
    with pytest.raises(ClientClosedError):
        client.get("k").string()


async def test_the_client_is_closed_when_the_application_stops_in_asyncio(etcd_options):
    async with AsyncApplication(importing(AsyncEtcdModule.for_root(etcd_options))) as app:
        client = app.select(AsyncEtcdModule).get(ASYNC_ETCD_CLIENT)
        assert await client.get("k").string() is None
    with pytest.raises(ClientClosedError):
        await client.get("k").string()


@pytest.mark.anchor("nest-39")
async def test_options_of_an_async_factory_are_awaited(etcd_options):
    async def options():
        return etcd_options

    made = AsyncEtcdModule.for_root_async(use_factory=options)
    async with AsyncApplication(importing(made, providers=(AsyncController,))) as app:
        etcd = app.get(AsyncController).etcd
        await etcd.save_config("aaa", "1")
        assert await etcd.get_config("aaa") == "1"


@pytest.mark.anchor("nest-40")
def test_options_come_from_the_global_configuration(etcd_options, tmp_path):
    (tmp_path / ".env").write_text(f"etcd_hosts=http://{etcd_options['hosts'][0]}\n")

    def options(config: ConfigService):
        return {**etcd_options, "hosts": config["etcd_hosts"]}

    config = ConfigModule.for_root(is_global=True, env_file_path=tmp_path / ".env")
    etcd = EtcdModule.for_root_async(use_factory=options, inject=[ConfigService])
    with Application(importing(config, etcd, providers=(Controller,))) as app:
        assert app.get(Controller).etcd.get_config("aaa") is None
        assert app.select(EtcdModule).get(ETCD_CLIENT).options.hosts == (f"http://{etcd_options['hosts'][0]}",)


@pytest.mark.anchor("nest-29")
def test_modules_with_different_options_have_different_clients(etcd_options):
    nested = {**etcd_options, "namespace": etcd_options["namespace"] + "b/"}
    one, two = EtcdModule.register(etcd_options, name="one"), EtcdModule.register(nested, name="two")
    with Application(importing(one, importing(two))) as app:
        app.select("one").get(EtcdService).save_config("aaa", "1")
        assert app.select("two").get(EtcdService).get_config("aaa") is None
        assert app.select("one").get(EtcdService).get_config("aaa") == "1"


@pytest.mark.parametrize("etcd", [EtcdModule, AsyncEtcdModule])
def test_an_unknown_option_is_refused_at_once_with_a_suggestion(etcd):
    with pytest.raises(ConfigError, match="hots: unknown option; did you mean 'hosts'"):
        etcd.for_root({"hots": "127.0.0.1:2379"})


def test_an_unknown_option_of_a_factory_aborts_the_start():
    app = Application(importing(EtcdModule.for_root_async(use_factory=lambda: {"hots": "127.0.0.1:2379"})))
    with pytest.raises(ConfigError, match="did you mean 'hosts'"):
        app.start()


def clients(etcd_options):
    """Options of two clients, each with its own namespace."""
    namespace = etcd_options["namespace"]
    return {name: {**etcd_options, "namespace": f"{namespace}{name}/"} for name in ("a", "b")}


def test_each_feature_has_its_own_client(etcd_options):
    for_a, for_b = feature("a"), feature("b")
    with Application(importing(EtcdModule.for_clients(**clients(etcd_options)), for_a, for_b)) as app:
        a, b = app.select(for_a).get(Feature), app.select(for_b).get(Feature)
        a.service.save_config("k", "of a")
        assert (a.client.get("k").string(), b.client.get("k").string()) == ("of a", None)
        assert a.client is app.get(client_token("a")) is app.get(ETCDServiceFactory).get("a")
        assert b.client is app.get(client_token("b")) is not a.client
    with pytest.raises(ClientClosedError):
        a.client.get("k").string()


async def test_each_feature_has_its_own_client_in_asyncio(etcd_options):
    part = feature("b", AsyncEtcdModule, AsyncFeature)
    async with AsyncApplication(importing(AsyncEtcdModule.for_clients(**clients(etcd_options)), part)) as app:
        found = app.get(AsyncFeature)
        await found.service.save_config("k", "of b")
        assert await app.get(async_client_token("b")).get("k").string() == "of b"
        assert await app.get(async_client_token("a")).get("k").string() is None
        assert app.get(AsyncETCDServiceFactory).get("b") is found.client
    with pytest.raises(ClientClosedError):
        await found.client.get("k").string()


def test_a_feature_of_an_unknown_client_is_refused_before_the_start(etcd_options):
    with pytest.raises(UnresolvedError, match="ETCD_CLIENT_c"):
        Application(importing(EtcdModule.for_clients(**clients(etcd_options)), feature("c")))


def test_named_clients_provide_no_default_client(etcd_options):
    with pytest.raises(UnresolvedError):
        Application(importing(EtcdModule.for_clients(**clients(etcd_options)), providers=(Feature,)))


def test_an_unknown_option_of_a_named_client_is_reported_with_its_path():
    app = Application(importing(EtcdModule.for_clients(a={"hots": "127.0.0.1:2379"})))
    with pytest.raises(ConfigError, match=r"clients\.a\.hots: unknown option; did you mean 'hosts'"):
        app.start()


# --- the module of the other face

FORMS = {
    "for_root": lambda etcd: [etcd.for_root({"hosts": "h:1"})],
    "register": lambda etcd: [etcd.register({"hosts": "h:1"})],
    "for_root_async": lambda etcd: [etcd.for_root_async(use_factory=dict)],
    "for_clients": lambda etcd: [etcd.for_clients(a={})],
    "for_feature": lambda etcd: [etcd.for_clients(a={}), etcd.for_feature("a")],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("application", "etcd", "consumer", "text"),
    [
        (AsyncApplication, EtcdModule, AsyncController, "EtcdModule blocks, .*event loop; use AsyncEtcdModule"),
        (Application, AsyncEtcdModule, Controller, "AsyncEtcdModule needs an event loop; use EtcdModule, or Async"),
    ],
)
def test_the_module_of_the_other_face_is_an_error_that_names_the_right_one(application, etcd, consumer, text, form):
    @module(imports=FORMS[form](etcd), providers=[consumer])
    class Wrong:
        pass

    with pytest.raises(DeclarationError, match=text):
        application(Wrong)


def test_a_subclass_of_a_module_is_of_the_same_face():
    class Mine(EtcdModule):
        pass

    with pytest.raises(DeclarationError, match="Mine in App: EtcdModule blocks"):
        AsyncApplication(importing(module()(Mine).for_root({"hosts": "h:1"})))


def test_a_module_that_is_imported_without_options_says_how_to_import_it():
    with pytest.raises(UnresolvedError, match=r"import EtcdModule\.for_root\(\{\.\.\.\}\) in place of EtcdModule"):
        Application(importing(EtcdModule))


def test_an_async_factory_in_a_blocking_application_is_named_by_its_options():
    async def options():
        raise AssertionError

    with (
        pytest.raises(AsyncFactoryError, match="await the factory of the options ClientOptions in EtcdModule;"),
        Application(importing(EtcdModule.for_root_async(use_factory=options))),
    ):
        pass
