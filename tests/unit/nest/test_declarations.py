"""What is written wrongly is told at once, with what to write."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from etcd_factory.nest import Application, DeclarationError, DynamicModule, Inject, Provider, Token, module


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


PROVIDERS = [
    ({}, "Provider(Service) needs exactly one of use_class, use_value, use_factory, use_existing; got none"),
    ({"use_value": 1, "use_class": Service}, "got use_class and use_value"),
    ({"use_class": Service(), "inject": []}, "which is no class; write use_factory= or use_value="),
    ({"use_class": list[int]}, "use_class=list[int], which is no class"),
    ({"use_class": Abstract}, "use_class=Abstract, which is abstract; write a class that has all its methods"),
    ({"use_class": Service, "inject": []}, "has inject, which goes with use_factory"),
    ({"use_value": 1, "inject": ["a"]}, "has inject, which goes with use_factory"),
    ({"use_factory": 5}, "use_factory=5, which can't be called; write use_value="),
    ({"use_factory": make, "inject": ["a"]}, "does not take what inject names: too many positional arguments"),
    ({"use_factory": lambda a: a, "inject": []}, "does not take what inject names: missing a required argument: 'a'"),
    ({"use_factory": make, "inject": "abc"}, "inject is a list; write inject=[...]"),
    ({"use_existing": Service}, "stands for itself; use_existing names another token"),
    ({"use_existing": None}, "a token is a class, a text or a Token; got None"),
]


@pytest.mark.parametrize(("given", "text"), PROVIDERS)
def test_a_wrong_provider_says_what_to_write(given, text):
    with pytest.raises(DeclarationError) as caught:
        Provider(Service, **given)
    assert text in str(caught.value)


@pytest.mark.parametrize("token", [None, [], {}, make])
def test_what_can_not_be_a_token(token):
    with pytest.raises(DeclarationError, match="a token is a class, a text or a Token"):
        Provider(token, use_value=1)
    with pytest.raises(DeclarationError, match="a token is a class, a text or a Token"):
        Inject(token)


@pytest.mark.parametrize("factory", [make, print, dict, Service, lambda a=1, *b: a])
def test_what_can_be_called_is_a_factory(factory):
    assert Provider("t", use_factory=factory, inject=[]).way == "use_factory"
    assert Provider("t", use_factory=factory).inject is None


MODULES = [
    ({"imports": [Service]}, "imports has Service, which is no module; write @module() above it"),
    ({"imports": [M.for_root]}, "which is not called yet; write parentheses behind it"),
    ({"imports": [M.register]}, "which is not called yet; write parentheses behind it"),
    ({"imports": [5]}, "imports has 5, which is no module; write a class with @module(), or what its for_root"),
    ({"imports": M}, "imports is a list; write imports=[...]"),
    ({"imports": {"a": M}}, "imports is a list; write imports=[...]"),
    ({"providers": "abc"}, "providers is a list; write providers=[...]"),
    ({"providers": [M]}, "providers has M, which is a module; put it into imports"),
    ({"providers": [DynamicModule(M)]}, "which is a module; put it into imports"),
    ({"providers": ["a"]}, "providers has 'a'; write Provider('a', use_...=...)"),
    ({"providers": [Abstract]}, "which is abstract"),
    ({"exports": [[]]}, "a token is a class, a text or a Token; got []"),
]


@pytest.mark.parametrize(("given", "text"), MODULES)
@pytest.mark.parametrize("make", [module, lambda **given: DynamicModule(M, **given)])
def test_a_wrong_module_says_what_to_write(make, given, text):
    with pytest.raises(DeclarationError) as caught:
        make(**given)
    assert text in str(caught.value)


def test_only_a_class_is_a_module():
    with pytest.raises(DeclarationError, match="stands above a class, not make"):
        module()(make)
    with pytest.raises(DeclarationError, match=r"Service is no module; write @module\(\) above the class"):
        DynamicModule(Service)


def test_a_name_has_letters():
    with pytest.raises(DeclarationError, match="the name of a module is empty"):
        DynamicModule(M, name="")


@pytest.mark.parametrize(
    ("overrides", "text"),
    [({Service: 1}, "overrides is a list"), ([Service], r"overrides has Service; write Provider\(token, use_value=")],
)
def test_overrides_are_providers(overrides, text):
    with pytest.raises(DeclarationError, match=text):
        Application(M, overrides=overrides)


def test_a_function_in_imports_has_to_give_a_module():
    @module(imports=[lambda: Service])
    class App:
        pass

    with pytest.raises(DeclarationError, match="Service is no module"):
        Application(App)
    with pytest.raises(DeclarationError, match="Service is no module"):
        Application(Service)


def test_a_decorated_class_is_the_class_itself_and_its_heirs_are_modules():
    class Heir(M):
        pass

    assert module()(Heir) is Heir
    assert M.for_root().module is M
    assert Heir.for_root().module is Heir


def test_values_do_not_show_in_a_repr():
    assert repr(Provider("password", use_value="secret")) == "Provider('password', use_value=...)"
    assert repr(Provider(Service, use_class=Service)) == "Provider(Service, use_class=Service)"
    assert repr(Provider(Token("T"), use_existing="x")) == "Provider(Token('T'), use_existing='x')"
