"""``ConfigurableModuleBuilder``."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

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
from tests.support.nest_modules import importing

BUILT = ConfigurableModuleBuilder().build()


class ConfigService:
    """As in Nest's page on dynamic modules."""

    def __init__(self, options: Annotated[Any, Inject(BUILT.MODULE_OPTIONS_TOKEN)]):
        self.options = options


@module(providers=[ConfigService], exports=[ConfigService])
class ConfigModule(BUILT.ConfigurableModuleClass):
    pass


def module_of(built):
    """A module of the built class, which exports its options."""

    @module(exports=[built.MODULE_OPTIONS_TOKEN])
    class Configurable(built.ConfigurableModuleClass):
        pass

    return Configurable


def options_of(made, built):
    """The options as the importing module sees them."""
    with Application(importing(made)) as app:
        return app.get(built.MODULE_OPTIONS_TOKEN)


@pytest.mark.anchor("nest-43")
def test_build_returns_a_class_with_register_and_register_async():
    cls, token, options_type, async_type = BUILT
    assert callable(cls.register)
    assert callable(cls.register_async)
    assert isinstance(token, Token)
    assert async_type is AsyncOptions
    assert options_type is not None
    assert ConfigModule.register({"folder": "./config"}).module is ConfigModule


@pytest.mark.anchor("nest-44")
def test_options_reach_their_consumer_as_the_same_object():
    options = {"folder": "./config"}
    with Application(importing(ConfigModule.register(options))) as app:
        assert app.get(ConfigService).options is options


@pytest.mark.anchor("nest-44")
def test_options_may_be_keyword_arguments_or_an_object():
    options = object()
    with Application(importing(ConfigModule.register(folder="a"))) as app:
        assert app.get(ConfigService).options == {"folder": "a"}
    assert options_of(module_of(BUILT).register(options), BUILT) is options


@pytest.mark.anchor("nest-45")
def test_each_build_has_its_own_token():
    builder = ConfigurableModuleBuilder(module_name="CacheStore")
    assert builder.build().MODULE_OPTIONS_TOKEN is not builder.build().MODULE_OPTIONS_TOKEN
    assert builder.build().MODULE_OPTIONS_TOKEN.name == "CACHE_STORE_MODULE_OPTIONS"
    assert ConfigurableModuleBuilder(options_injection_token="MINE").build().MODULE_OPTIONS_TOKEN == "MINE"


@pytest.mark.anchor("nest-46")
def test_the_methods_can_be_renamed():
    builder = ConfigurableModuleBuilder()
    renamed = builder.set_class_method_name("for_root")
    cls = renamed.build().ConfigurableModuleClass
    assert hasattr(cls, "for_root")
    assert hasattr(cls, "for_root_async")
    assert not hasattr(cls, "register")
    assert builder.class_method_name == "register"
    with pytest.raises(DeclarationError, match="'for root' is not a valid method name"):
        builder.set_class_method_name("for root")


class Base:
    folder = "base"


@module(providers=[Base], exports=[Base])
class BaseModule:
    pass


@pytest.mark.anchor("nest-47")
def test_a_factory_receives_what_it_injects_from_imports():
    made = module_of(BUILT).register_async(
        use_factory=lambda base: {"folder": base.folder}, inject=[Base], imports=[BaseModule]
    )
    assert options_of(made, BUILT) == {"folder": "base"}


class Factory:
    """Returns options, built by injection."""

    def __init__(self, base: Base):
        self.base = base

    def create(self):
        return {"folder": self.base.folder, "by": self}


class AsyncFactory(Factory):
    async def create(self):
        return {"async": True}


@pytest.mark.anchor("nest-47")
def test_a_class_is_built_in_the_module_and_its_method_called():
    made = module_of(BUILT).register_async(use_class=Factory, imports=[BaseModule])
    assert options_of(made, BUILT)["folder"] == "base"


@pytest.mark.anchor("nest-47")
async def test_an_async_method_is_awaited():
    made = module_of(BUILT).register_async(use_class=AsyncFactory, imports=[BaseModule])
    async with AsyncApplication(made) as app:
        assert app.get(BUILT.MODULE_OPTIONS_TOKEN) == {"async": True}


@pytest.mark.anchor("nest-47")
def test_an_existing_factory_is_the_instance_of_the_imported_module():
    @module(imports=[BaseModule], providers=[Factory], exports=[Factory])
    class Factories:
        pass

    made = module_of(BUILT).register_async(use_existing=Factory, imports=[Factories])
    with Application(importing(made, Factories)) as app:
        assert app.get(BUILT.MODULE_OPTIONS_TOKEN)["by"] is app.get(Factory)


@pytest.mark.anchor("nest-47")
def test_a_coroutine_of_a_factory_that_is_not_known_to_be_async_is_an_error():
    @module(imports=[BaseModule], providers=[Provider("f", use_class=AsyncFactory)], exports=["f"])
    class Factories:
        pass

    made = module_of(BUILT).register_async(use_existing="f", imports=[Factories])
    with pytest.raises(AsyncFactoryError, match=r"returned a coroutine; declare it with 'async def'"):
        Application(made).start()


@pytest.mark.anchor("nest-47")
def test_exactly_one_source_of_async_options_is_required():
    with pytest.raises(DeclarationError, match="exactly one of use_factory, use_class, use_existing; got none"):
        ConfigModule.register_async()
    with pytest.raises(DeclarationError, match="got use_factory and use_class"):
        ConfigModule.register_async(use_factory=dict, use_class=Factory)


class Renamed:
    def create_config_options(self):
        return {"folder": "renamed"}


@pytest.mark.anchor("nest-48")
def test_the_method_of_the_factory_can_be_renamed():
    built = ConfigurableModuleBuilder().set_factory_method_name("create_config_options").build()
    assert options_of(module_of(built).register_async(use_class=Renamed), built) == {"folder": "renamed"}
    with pytest.raises(DeclarationError, match="Factory has no method 'create_config_options'"):
        module_of(built).register_async(use_class=Factory)


EXTRAS = ConfigurableModuleBuilder().set_extras(
    {"is_global": True}, lambda definition, extras: evolve(definition, is_global=extras["is_global"])
)


@pytest.mark.anchor("nest-49")
@pytest.mark.parametrize(
    ("extras", "expected"), [({}, True), ({"is_global": False}, False), ({"is_global": True}, True)]
)
def test_extras_have_defaults_and_never_reach_the_options(extras, expected):
    built = EXTRAS.build()
    configurable = module_of(built)
    made = configurable.register({"folder": "f", **extras})
    assert made.is_global is expected
    assert options_of(made, built) == {"folder": "f"}
    assert configurable.register({"folder": "f"}, **extras) == made


@pytest.mark.anchor("nest-49")
def test_an_options_object_can_be_combined_with_extras_but_not_with_options():
    built = EXTRAS.build()
    options = object()
    made = module_of(built).register(options, is_global=False)
    assert (made.is_global, options_of(made, built)) == (False, options)
    with pytest.raises(DeclarationError, match=r"folder cannot be combined with an options object \(object\)"):
        module_of(built).register(options, folder="f")


@pytest.mark.anchor("nest-49")
def test_the_transform_is_optional_and_register_async_accepts_extras():
    built = ConfigurableModuleBuilder().set_extras({"is_global": True}).build()
    made = module_of(built).register_async(use_factory=dict, is_global=True)
    assert (made.is_global, options_of(made, built)) == (False, {})
    assert module_of(EXTRAS.build()).register_async(AsyncOptions(use_factory=dict), is_global=True).is_global


@pytest.mark.anchor("nest-50")
def test_the_methods_can_be_overridden_and_call_super():
    class Overriding(BUILT.ConfigurableModuleClass):
        @classmethod
        def register(cls, options):
            return evolve(super().register(options), is_global=True)

    made = module()(Overriding).register({"a": 1})
    assert (made.module, made.is_global) == (Overriding, True)


@pytest.mark.anchor("nest-50")
def test_the_type_of_the_options_is_their_class():
    assert ConfigurableModuleBuilder(Cache).build().OPTIONS_TYPE is Cache


@pytest.mark.anchor("nest-50")
@pytest.mark.parametrize(("transient", "modules"), [(False, 2), (True, 3)])
def test_an_always_transient_module_is_never_shared(transient, modules):
    configurable = module_of(ConfigurableModuleBuilder(always_transient=transient).build())
    root = importing(configurable.register(a=[1]), configurable.register(a=[1]))
    assert len(Application(root).graph.tree.nodes) == modules


@frozen
class Cache:
    """An options class."""

    size: int
    ttl: float = 1.0


@pytest.mark.parametrize("options", [{"size": 3}, OmegaConf.create({"size": 3}), Cache(3)])
def test_a_mapping_is_converted_to_the_options_class(options):
    built = ConfigurableModuleBuilder(Cache).build()
    assert options_of(module_of(built).register(options), built) == Cache(3)
    assert options_of(module_of(built).register_async(use_factory=lambda: options), built) == Cache(3)


def test_unknown_options_are_refused_at_once():
    with pytest.raises(ConfigError, match="sise: unknown option of Cache; did you mean 'size'"):
        module_of(ConfigurableModuleBuilder(Cache).build()).register(sise=3)


def test_async_options_are_a_mapping_of_a_source():
    with pytest.raises(ConfigError, match="expected a mapping, got int"):
        ConfigModule.register_async(5)


def test_an_interpolation_of_options_with_extras_is_resolved():
    built = EXTRAS.build()
    tree = OmegaConf.create({"is_global": False, "a": 1, "b": "${a}"})
    assert options_of(module_of(built).register(tree), built) == {"a": 1, "b": 1}
    with pytest.raises(ConfigError, match="b: "):
        module_of(built).register(OmegaConf.create({"is_global": False, "b": "${nowhere}"}))
