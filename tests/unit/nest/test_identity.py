"""Which modules are the same, and therefore which instances are shared."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import pytest

from etcd_factory.nest import Application, DeclarationError, DynamicModule, Provider, Token, UnresolvedError, module
from etcd_factory.nest.identity import ModuleKeys
from tests.support.nest_modules import HttpModule, is_shared, left_and_right


@module()
class M:
    pass


def nested(depth, value):
    nesting = DynamicModule(M, providers=[Provider("v", use_value=value)])
    for _ in range(depth):
        nesting = DynamicModule(M, imports=[nesting])
    return nesting


def test_the_key_of_a_module_is_its_class_or_its_content():
    keys = ModuleKeys()
    assert keys.key(M) == keys.key(M)
    assert keys.key(M) != keys.key(DynamicModule(M))
    assert keys.key(nested(3, 1)) == keys.key(nested(3, 1))
    assert keys.key(nested(3, 1)) != keys.key(nested(3, 2))
    assert keys.key(nested(3, 1)) != keys.key(nested(2, 1))


def test_each_part_of_a_dynamic_module_counts():
    parts = [
        {"exports": [M]},
        {"exports": ["t"]},
        {"imports": [M]},
        {"providers": [Token]},
        {"name": "m"},
        {"is_global": True},
        {},
    ]
    keys = ModuleKeys()
    assert len({keys.key(DynamicModule(M, **part)) for part in parts for _ in range(2)}) == len(parts)


def test_by_reference_only_the_same_object_is_equal():
    keys, made = ModuleKeys("reference"), nested(2, 1)
    assert keys.key(made) == keys.key(made)
    assert keys.key(made) != keys.key(nested(2, 1))


def test_a_transient_module_makes_its_importers_different():
    def importer(is_transient):
        return DynamicModule(M, imports=[DynamicModule(M, is_transient=is_transient)])

    keys = ModuleKeys()
    assert keys.key(importer(False)) == keys.key(importer(False))
    assert keys.key(importer(True)) != keys.key(importer(True))


def test_an_unknown_identity_is_refused():
    with pytest.raises(
        DeclarationError, match="invalid identity 'valu'; use one of 'value', 'reference'; did you mean 'value'"
    ):
        Application(M, identity="valu")


@pytest.mark.anchor("nest-32")
def test_equal_calls_are_shared_by_value_and_not_by_reference():
    assert is_shared(HttpModule.register("same"), HttpModule.register("same"))
    assert not is_shared(HttpModule.register("same"), HttpModule.register("same"), identity="reference")
    assert not is_shared(HttpModule.register("same"), HttpModule.register("other"))


@pytest.mark.anchor("nest-33")
@pytest.mark.parametrize("identity", ["value", "reference"])
def test_the_same_object_imported_twice_is_one_instance(identity):
    made = HttpModule.register("u")
    assert is_shared(made, made, identity=identity)


@module()
class ListModule:
    @staticmethod
    def of(value):
        provider = Provider("list", use_factory=lambda: [value])
        return DynamicModule(ListModule, providers=[provider], exports=[provider])


def lists(left, right):
    with Application(left_and_right(left, right)) as app:
        return app.select("Left").get("list"), app.select("Right").get("list")


@pytest.mark.anchor("nest-34")
def test_factories_of_the_same_text_with_different_closures_are_different():
    assert lists(ListModule.of(1), ListModule.of(2)) == ([1], [2])
    assert is_shared(ListModule.of(1), ListModule.of(1), "list")


@pytest.mark.anchor("nest-34")
def test_factories_of_the_same_text_in_different_files_are_different():
    def load(text):
        names = {"text": text}
        exec("f = lambda: [text]", names)
        provider = Provider("list", use_factory=names["f"])
        return DynamicModule(ListModule, providers=[provider], exports=[provider])

    assert lists(load("a"), load("b")) == (["a"], ["b"])


class Service:
    pass


@module(providers=[Service], exports=[Service])
class Holder:
    pass


@module()
class Loaded:
    @staticmethod
    def by_class(mark):
        providers = [Provider("mark", use_value=mark), Provider("s", use_class=Service)]
        return DynamicModule(Loaded, providers=providers, exports=["s"])

    @staticmethod
    def by_existing(mark):
        providers = [Provider("mark", use_value=mark), Provider("s", use_existing=Service)]
        return DynamicModule(Loaded, imports=[Holder], providers=providers, exports=["s"])


@pytest.mark.anchor("nest-35")
def test_a_class_is_private_to_each_configuration_and_an_alias_is_shared():
    assert not is_shared(Loaded.by_class(1), Loaded.by_class(2), "s")
    assert is_shared(Loaded.by_existing(1), Loaded.by_existing(2), "s")


@pytest.mark.anchor("nest-36")
def test_the_bare_class_beside_a_configured_one_is_another_module():
    with pytest.raises(UnresolvedError) as caught:
        Application(left_and_right(HttpModule, HttpModule.register("u")))
    (missing,) = caught.value.missing
    assert (missing.consumer, missing.token, missing.module) == ("Http", "base_url", "HttpModule")
    assert "HttpModule#2 provides it" in missing.advice


def test_a_transient_module_is_never_shared_with_an_equal_one():
    made = HttpModule.register("u", is_transient=True)
    assert not is_shared(made, HttpModule.register("u", is_transient=True))
    assert is_shared(made, made)


def test_modules_of_different_names_are_different():
    assert not is_shared(HttpModule.register("u", name="left"), HttpModule.register("u", name="right"))
