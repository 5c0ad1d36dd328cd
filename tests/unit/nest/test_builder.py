"""The builder of configurable modules (behaviours 43 to 50)."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

from typing import Annotated, Any

import pytest
from attrs import evolve, frozen
from omegaconf import OmegaConf

from etcd_factory.errors import ConfigError
from etcd_factory.nest import (
    Application,
    AsyncApplication,
    AsyncFactoryError,
    AsyncOptions,
    ConfigurableModuleBuilder,
    DeclarationError,
    Inject,
    Provider,
    Token,
    module,
)

BUILT = ConfigurableModuleBuilder().build()


class ConfigService:
    """As in seed 003."""

    def __init__(self, options: Annotated[Any, Inject(BUILT.MODULE_OPTIONS_TOKEN)]):
        self.options = options


@module(providers=[ConfigService], exports=[ConfigService])
class ConfigModule(BUILT.ConfigurableModuleClass):
    pass


def module_of(built):
    """A module of what was built, that exports its options, and a root that imports what ``call`` gives."""

    @module(exports=[built.MODULE_OPTIONS_TOKEN])
    class Configurable(built.ConfigurableModuleClass):
        pass

    return Configurable


def options_of(made, built, *providers, **parts):
    """The options as the importing module sees them."""

    @module(imports=[made], providers=providers)
    class App:
        pass

    with Application(App, **parts) as app:
        return app.get(built.MODULE_OPTIONS_TOKEN)


def test_b43_build_gives_a_class_with_register_and_its_twin():
    cls, token, options_type, async_type = BUILT
    assert callable(cls.register)
    assert callable(cls.register_async)
    assert isinstance(token, Token)
    assert async_type is AsyncOptions
    assert options_type is not None
    assert ConfigModule.register({"folder": "./config"}).module is ConfigModule


def test_b44_options_reach_their_consumer_as_the_very_same_object():
    options = {"folder": "./config"}

    @module(imports=[ConfigModule.register(options)])
    class App:
        pass

    with Application(App) as app:
        assert app.get(ConfigService).options is options


def test_b44_options_may_be_given_by_name_or_as_an_object():
    given = object()

    @module(imports=[ConfigModule.register(folder="a")])
    class App:
        pass

    with Application(App) as app:
        assert app.get(ConfigService).options == {"folder": "a"}
    assert options_of(module_of(BUILT).register(given), BUILT) is given


def test_b45_the_token_is_of_its_own_for_each_build():
    builder = ConfigurableModuleBuilder(module_name="CacheStore")
    assert builder.build().MODULE_OPTIONS_TOKEN is not builder.build().MODULE_OPTIONS_TOKEN
    assert builder.build().MODULE_OPTIONS_TOKEN.name == "CACHE_STORE_MODULE_OPTIONS"
    assert ConfigurableModuleBuilder(options_injection_token="MINE").build().MODULE_OPTIONS_TOKEN == "MINE"


def test_b46_the_methods_can_be_named():
    builder = ConfigurableModuleBuilder()
    named = builder.set_class_method_name("for_root")
    cls = named.build().ConfigurableModuleClass
    assert hasattr(cls, "for_root")
    assert hasattr(cls, "for_root_async")
    assert not hasattr(cls, "register")
    assert builder.class_method_name == "register"
    with pytest.raises(DeclarationError, match="'for root' can't be the name"):
        builder.set_class_method_name("for root")


class Base:
    folder = "base"


@module(providers=[Base], exports=[Base])
class BaseModule:
    pass


def test_b47_a_factory_gets_what_it_injects_from_imports():
    made = module_of(BUILT).register_async(
        use_factory=lambda base: {"folder": base.folder}, inject=[Base], imports=[BaseModule]
    )
    assert options_of(made, BUILT) == {"folder": "base"}


class Factory:
    """Gives options, built by injection."""

    def __init__(self, base: Base):
        self.base = base

    def create(self):
        return {"folder": self.base.folder, "by": self}


class LateFactory(Factory):
    async def create(self):
        return {"late": True}


def test_b47_a_class_is_built_in_the_module_and_asked():
    made = module_of(BUILT).register_async(use_class=Factory, imports=[BaseModule])
    assert options_of(made, BUILT)["folder"] == "base"


async def test_b47_an_async_method_is_awaited():
    made = module_of(BUILT).register_async(use_class=LateFactory, imports=[BaseModule])
    async with AsyncApplication(made) as app:
        assert app.get(BUILT.MODULE_OPTIONS_TOKEN) == {"late": True}


def test_b47_an_existing_one_is_the_instance_of_the_imported_module():
    @module(imports=[BaseModule], providers=[Factory], exports=[Factory])
    class Factories:
        pass

    made = module_of(BUILT).register_async(use_existing=Factory, imports=[Factories])

    @module(imports=[made, Factories])
    class App:
        pass

    with Application(App) as app:
        assert app.get(BUILT.MODULE_OPTIONS_TOKEN)["by"] is app.get(Factory)


def test_b47_a_coroutine_that_nobody_expected_is_an_error():
    @module(imports=[BaseModule], providers=[Provider("f", use_class=LateFactory)], exports=["f"])
    class Factories:
        pass

    made = module_of(BUILT).register_async(use_existing="f", imports=[Factories])
    with pytest.raises(AsyncFactoryError, match=r"gave a coroutine.*write it with 'async def'"):
        Application(made).start()


def test_b47_exactly_one_way_is_given():
    with pytest.raises(DeclarationError, match="exactly one of use_factory, use_class, use_existing; got none"):
        ConfigModule.register_async()
    with pytest.raises(DeclarationError, match="got use_factory and use_class"):
        ConfigModule.register_async(use_factory=dict, use_class=Factory)


class Renamed:
    def create_config_options(self):
        return {"folder": "renamed"}


def test_b48_the_method_of_the_factory_can_be_named():
    built = ConfigurableModuleBuilder().set_factory_method_name("create_config_options").build()
    assert options_of(module_of(built).register_async(use_class=Renamed), built) == {"folder": "renamed"}
    with pytest.raises(DeclarationError, match="Factory has no method 'create_config_options'"):
        module_of(built).register_async(use_class=Factory)


EXTRAS = ConfigurableModuleBuilder().set_extras(
    {"is_global": True}, lambda definition, extras: evolve(definition, is_global=extras["is_global"])
)


@pytest.mark.parametrize(
    ("given", "expected"), [({}, True), ({"is_global": False}, False), ({"is_global": True}, True)]
)
def test_b49_extras_have_defaults_and_never_reach_the_options(given, expected):
    built = EXTRAS.build()
    configurable = module_of(built)
    made = configurable.register({"folder": "f", **given})
    assert made.is_global is expected
    assert options_of(made, built) == {"folder": "f"}
    assert configurable.register({"folder": "f"}, **given) == made


def test_b49_extras_stand_beside_an_instance_but_options_do_not():
    built = EXTRAS.build()
    given = object()
    made = module_of(built).register(given, is_global=False)
    assert (made.is_global, options_of(made, built)) == (False, given)
    with pytest.raises(DeclarationError, match="folder can't stand beside an instance of object"):
        module_of(built).register(given, folder="f")


def test_b49_a_transform_is_optional_and_the_async_twin_takes_extras_too():
    built = ConfigurableModuleBuilder().set_extras({"is_global": True}).build()
    made = module_of(built).register_async(use_factory=dict, is_global=True)
    assert (made.is_global, options_of(made, built)) == (False, {})
    assert module_of(EXTRAS.build()).register_async(AsyncOptions(use_factory=dict), is_global=True).is_global


def test_b50_the_methods_can_be_overridden_and_call_the_built_ones():
    class Overriding(BUILT.ConfigurableModuleClass):
        @classmethod
        def register(cls, options):
            return evolve(super().register(options), is_global=True)

    made = module()(Overriding).register({"a": 1})
    assert (made.module, made.is_global) == (Overriding, True)


def test_b50_the_type_of_the_options_is_their_class():
    assert ConfigurableModuleBuilder(Cache).build().OPTIONS_TYPE is Cache


@pytest.mark.parametrize("always", [False, True])
def test_b50_always_transient_is_never_shared(always):
    built = ConfigurableModuleBuilder(always_transient=always).build()
    configurable = module_of(built)

    @module(imports=[configurable.register(a=[1]), configurable.register(a=[1])])
    class App:
        pass

    assert len(Application(App).graph.tree.nodes) == (3 if always else 2)


@frozen
class Cache:
    """An options class."""

    size: int
    ttl: float = 1.0


@pytest.mark.parametrize("given", [{"size": 3}, OmegaConf.create({"size": 3}), Cache(3)])
def test_a_mapping_becomes_the_options_class(given):
    built = ConfigurableModuleBuilder(Cache).build()
    assert options_of(module_of(built).register(given), built) == Cache(3)
    assert options_of(module_of(built).register_async(use_factory=lambda: given), built) == Cache(3)


def test_what_the_class_does_not_take_fails_at_once():
    with pytest.raises(ConfigError, match="sise: unknown option of Cache; did you mean 'size'"):
        module_of(ConfigurableModuleBuilder(Cache).build()).register(sise=3)


def test_an_interpolation_of_options_with_extras_is_resolved():
    built = EXTRAS.build()
    tree = OmegaConf.create({"is_global": False, "a": 1, "b": "${a}"})
    assert options_of(module_of(built).register(tree), built) == {"a": 1, "b": 1}
    with pytest.raises(ConfigError, match="b: "):
        module_of(built).register(OmegaConf.create({"is_global": False, "b": "${nowhere}"}))
