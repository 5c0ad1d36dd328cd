"""``@module`` and ``DynamicModule``: their checks, and what they declare."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

from abc import ABC, abstractmethod

import pytest

from etcd_factory.nest import Application, DeclarationError, DynamicModule, Provider, module
from tests.support.nest_modules import AppService, Http, HttpModule, importing


class Service:
    pass


class Abstract(ABC):
    @abstractmethod
    def call(self): ...


@module()
class M:
    @classmethod
    def for_root(cls, options=None):
        return DynamicModule(cls)

    @staticmethod
    def register(options):
        return DynamicModule(M)


def make():
    return 1


INVALID = [
    ({"imports": [Service]}, "imports contains Service, which is not a module; decorate it with @module(), or move it"),
    ({"imports": [M.for_root]}, "which is not called; add parentheses"),
    ({"imports": [M.register]}, "imports contains M.register, which is not called; add parentheses"),
    (
        {"imports": [5]},
        "imports contains 5, which is not a module; use a class decorated with @module(), or the result",
    ),
    ({"imports": M}, "imports must be a list, not type; write imports=[...]"),
    ({"imports": {"a": M}}, "imports must be a list, not dict; write imports=[...]"),
    ({"providers": "abc"}, "providers must be a list, not str; write providers=[...]"),
    ({"providers": [M]}, "providers contains M, which is a module; move it to imports"),
    ({"providers": [DynamicModule(M)]}, "which is a module; move it to imports"),
    ({"providers": ["a"]}, "providers contains 'a'; use a class, a function or Provider('a', use_...=...)"),
    ({"providers": [Abstract]}, "Provider(Abstract): use_class=Abstract is abstract"),
    ({"exports": [[]]}, "invalid token []; use a class, a string or a Token"),
]


@pytest.mark.parametrize(("given", "text"), INVALID)
@pytest.mark.parametrize("declare", [module, lambda **given: DynamicModule(M, **given)])
def test_an_invalid_declaration_is_refused_with_a_fix(declare, given, text):
    with pytest.raises(DeclarationError) as caught:
        declare(**given)
    assert text in str(caught.value)


def test_only_a_class_is_a_module():
    with pytest.raises(DeclarationError, match=r"@module\(\) decorates a class, not make"):
        module()(make)
    with pytest.raises(DeclarationError, match=r"Service is not a module; decorate the class with @module\(\)"):
        DynamicModule(Service)


def test_the_name_of_a_dynamic_module_is_not_empty():
    with pytest.raises(DeclarationError, match="the name of a dynamic module is empty; leave it out"):
        DynamicModule(M, name="")


def test_the_decorator_returns_the_class_and_subclasses_are_modules():
    class Subclass(M):
        pass

    assert module()(Subclass) is Subclass
    assert M.for_root().module is M
    assert Subclass.for_root().module is Subclass


@pytest.mark.anchor("nest-1")
def test_every_field_is_optional():
    @module()
    class Empty:
        pass

    with Application(Empty) as app:
        assert isinstance(app.get(Empty), Empty)


@pytest.mark.anchor("nest-10")
def test_a_class_provides_itself_and_exports_accept_tokens_classes_and_providers():
    by_string = Provider("text", use_value="t")

    @module(providers=[AppService, by_string, Provider("token", use_value=1)], exports=[AppService, by_string, "token"])
    class P:
        pass

    with Application(importing(P)) as app:
        assert isinstance(app.get(AppService), AppService)
        assert (app.get("text"), app.get("token")) == ("t", 1)


@pytest.mark.anchor("nest-25")
def test_a_dynamic_module_requires_only_its_class():
    @module(providers=[Provider("t", use_value=1)], exports=["t"])
    class P:
        pass

    root = importing(DynamicModule(P))
    for given in (root, DynamicModule(root)):
        with Application(given) as app:
            assert app.get("t") == 1


@pytest.mark.anchor("nest-26")
def test_a_coroutine_cannot_be_imported():
    async def register():
        return HttpModule.register("u")

    with pytest.raises(DeclarationError, match="which is a coroutine; await it first"):
        module(imports=[register()])


@pytest.mark.anchor("nest-28")
@pytest.mark.parametrize("name", ["register", "for_root", "load_env", "anything"])
def test_the_static_method_may_have_any_name(name):
    @module(providers=[Http], exports=[Http])
    class Named:
        pass

    setattr(Named, name, lambda url: DynamicModule(Named, providers=[Provider("base_url", use_value=url)]))
    with Application(importing(getattr(Named, name)("u"))) as app:
        assert app.get(Http).base_url == "u"
