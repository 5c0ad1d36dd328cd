"""The module of seed 000, on a store in memory (behaviours 37 to 40)."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

from typing import Annotated

import pytest

from etcd_factory.nest import (
    Application,
    AsyncApplication,
    ConfigModule,
    ConfigService,
    Inject,
    UnresolvedError,
    module,
)
from tests.support.nest_toy import (
    CLIENT,
    Etcd,
    EtcdModule,
    EtcdService,
    Options,
    StaticEtcdModule,
    TypedEtcdModule,
)

MODULES = [EtcdModule, TypedEtcdModule]


class Controller:
    """The consumer, the same for all modules."""

    def __init__(self, etcd: EtcdService):
        self.etcd = etcd


def importing(etcd, *others):
    @module(imports=[etcd], providers=[Controller])
    class Aaa:
        pass

    @module(imports=[*others, Aaa])
    class App:
        pass

    return App


@pytest.mark.parametrize("etcd", MODULES)
def test_b37_options_are_bound_and_the_client_is_built_from_them(etcd):
    options = Options(hosts="http://etcd:2379")
    with Application(importing(etcd.for_root(options))) as app:
        assert app.get(Controller).etcd.client.options is options
        client = app.select(etcd).get(CLIENT)
        assert client is app.get(EtcdService).client
    assert client.closed


@pytest.mark.parametrize("etcd", MODULES)
def test_b37_options_may_be_left_out(etcd):
    with Application(importing(etcd.for_root())) as app:
        assert app.get(Controller).etcd.client.options in (None, Options())


def test_b37_the_client_is_private():
    class Prying:
        def __init__(self, client: Annotated[Etcd, Inject(CLIENT)]):
            self.client = client

    @module(imports=[EtcdModule.for_root()], providers=[Prying])
    class App:
        pass

    with pytest.raises(UnresolvedError, match="EtcdModule provides it: add it to the exports of EtcdModule"):
        Application(App)


@pytest.mark.parametrize("etcd", [StaticEtcdModule, EtcdModule.for_root(), TypedEtcdModule.for_root()])
def test_b38_the_consumer_is_the_same_for_a_static_and_a_dynamic_module(etcd):
    with Application(importing(etcd)) as app:
        service = app.get(Controller).etcd
        service.save_config("aaa", "1")
        assert (service.get_config("aaa"), service.get_config("bbb")) == ("1", None)


@pytest.mark.parametrize("etcd", MODULES)
async def test_b39_options_of_an_async_factory_are_awaited_first(etcd):
    async def options():
        return Options(hosts="awaited")

    async with AsyncApplication(importing(etcd.for_root_async(use_factory=options))) as app:
        assert app.get(Controller).etcd.client.options.hosts == "awaited"


@pytest.mark.parametrize("etcd", MODULES)
def test_b39_a_plain_factory_needs_no_loop(etcd):
    made = etcd.for_root_async(use_factory=lambda: Options(hosts="plain"), inject=[])
    with Application(importing(made)) as app:
        assert app.get(Controller).etcd.client.options.hosts == "plain"


@pytest.mark.parametrize("etcd", MODULES)
async def test_b40_a_factory_reads_the_global_configuration_without_importing_it(etcd, tmp_path):
    (tmp_path / ".env").write_text(
        "etcd_hosts=http://from.env:2379\netcd_auth_username=root\netcd_auth_password=guang\n"
    )

    async def options(config: ConfigService):
        return Options(config["etcd_hosts"], config["etcd_auth_username"], config["etcd_auth_password"])

    root = importing(
        etcd.for_root_async(use_factory=options, inject=[ConfigService]),
        ConfigModule.for_root(is_global=True, env_file_path=tmp_path / ".env"),
    )
    async with AsyncApplication(root) as app:
        assert app.get(EtcdService).client.options == Options("http://from.env:2379", "root", "guang")
