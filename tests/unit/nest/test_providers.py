"""``Provider``: its checks, and the four ways to provide."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

from abc import ABC, abstractmethod
from typing import Annotated

import pytest

from etcd_factory.nest import (
    Application,
    AsyncApplication,
    AsyncFactoryError,
    DeclarationError,
    DynamicModule,
    Inject,
    Provider,
    Token,
    UnresolvedError,
    module,
)
from tests.support.nest_modules import importing


class Service:
    pass


class Abstract(ABC):
    @abstractmethod
    def call(self): ...


def make():
    return 1


INVALID = [
    ({}, "Provider(Service): needs exactly one of use_class, use_value, use_factory, use_existing; got none"),
    ({"use_value": 1, "use_class": Service}, "got use_class and use_value"),
    ({"use_class": Service(), "inject": []}, "is not a class; use use_factory or use_value"),
    ({"use_class": list[int]}, "use_class=list[int] is not a class"),
    ({"use_class": Abstract}, "use_class=Abstract is abstract; use a concrete subclass"),
    ({"use_class": Service, "inject": []}, "inject is only valid with use_factory"),
    ({"use_value": 1, "inject": ["a"]}, "inject is only valid with use_factory"),
    ({"use_factory": 5}, "use_factory=5 is not callable; use use_value"),
    (
        {"use_factory": make, "inject": ["a"]},
        "use_factory=make does not accept the arguments listed in inject: too many positional arguments",
    ),
    (
        {"use_factory": lambda a: a, "inject": []},
        "does not accept the arguments listed in inject: missing a required argument: 'a'",
    ),
    ({"use_factory": make, "inject": "abc"}, "inject must be a list, not str; write inject=[...]"),
    ({"use_existing": Service}, "use_existing names the provider's own token; name another one"),
    (
        {"use_class": Service, "scope": "requst"},
        "invalid scope 'requst'; use one of 'default', 'transient', 'request'; did",
    ),
    ({"use_value": 1, "scope": "transient"}, "scope is only valid with use_class and use_factory, not with use_value"),
    ({"use_existing": "a", "scope": "request"}, "scope is only valid with use_class and use_factory"),
    ({"use_existing": None}, "invalid token None; use a class, a string or a Token"),
]


@pytest.mark.parametrize(("given", "text"), INVALID)
def test_an_invalid_provider_is_refused_with_a_fix(given, text):
    with pytest.raises(DeclarationError) as caught:
        Provider(Service, **given)
    assert text in str(caught.value)


@pytest.mark.parametrize("factory", [make, print, dict, Service, lambda a=1, *b: a])
def test_any_callable_is_a_factory(factory):
    assert Provider("t", use_factory=factory, inject=[]).kind == "use_factory"
    assert Provider("t", use_factory=factory).inject is None


def test_the_repr_hides_values():
    assert repr(Provider("password", use_value="secret")) == "Provider('password', use_value=...)"
    assert repr(Provider(Service, use_class=Service)) == "Provider(Service, use_class=Service)"
    assert repr(Provider(Token("T"), use_existing="x")) == "Provider(Token('T'), use_existing='x')"


class AbstractDBCommonService:
    prefix = "abstract"


class AppDBService(AbstractDBCommonService):
    prefix = "app"


class UserDBService(AbstractDBCommonService):
    prefix = "user"


WAREHOUSE = {"AppDBService": AppDBService, "UserDBService": UserDBService}


class AppController:
    def __init__(self, common: AbstractDBCommonService):
        self.common = common


class UserController(AppController):
    pass


def user_and_app(for_user, for_app, controllers=(UserController, AppController)):
    """A root module and a user module, which import one of the given modules and have one of the controllers each."""

    @module(imports=[for_user], providers=[controllers[0]])
    class User:
        pass

    @module(imports=[User, for_app], providers=[controllers[1]])
    class App:
        pass

    return App


@module()
class CommonModule:
    @staticmethod
    def load_by_class(name):
        provider = Provider(AbstractDBCommonService, use_class=WAREHOUSE[name])
        return DynamicModule(CommonModule, providers=[provider], exports=[provider])

    @staticmethod
    def load_by_factory(name):
        provider = Provider(name, use_factory=lambda: WAREHOUSE[name]())
        return DynamicModule(CommonModule, providers=[provider], exports=[provider])

    @staticmethod
    def load_by_existing():
        aliases = [Provider(name, use_existing=AbstractDBCommonService) for name in WAREHOUSE]
        return DynamicModule(CommonModule, providers=[AbstractDBCommonService, *aliases], exports=aliases)


@pytest.mark.anchor("nest-15")
def test_each_module_gets_its_own_class_for_an_abstract_one():
    root = user_and_app(CommonModule.load_by_class("UserDBService"), CommonModule.load_by_class("AppDBService"))
    with Application(root) as app:
        assert app.get(UserController).common.prefix == "user"
        assert app.get(AppController).common.prefix == "app"


class FileService:
    def __init__(self, file: Annotated[str, Inject("file")]):
        self.prefix = file.upper()


class FileController:
    def __init__(self, common: FileService):
        self.common = common


class OtherFileController(FileController):
    pass


@module()
class FileModule:
    @staticmethod
    def load_by_value(file):
        return DynamicModule(
            FileModule, providers=[Provider("file", use_value=file), FileService], exports=[FileService]
        )


@pytest.mark.anchor("nest-16")
def test_a_private_value_configures_each_module_separately():
    root = user_and_app(
        FileModule.load_by_value("user.env"),
        FileModule.load_by_value("app.env"),
        (OtherFileController, FileController),
    )
    with Application(root) as app:
        assert app.get(OtherFileController).common.prefix == "USER.ENV"
        assert app.get(FileController).common.prefix == "APP.ENV"


@pytest.mark.anchor("nest-17")
@pytest.mark.parametrize("value", [0, None, "", False, ()])
def test_falsy_values_are_valid(value):
    def collect(injected: Annotated[object, Inject("v")]) -> list:
        return [injected]

    with Application(importing(providers=(Provider("v", use_value=value), collect))) as app:
        assert app.get("v") is value
        assert app.get(list) == [value]


@pytest.mark.anchor("nest-18")
def test_the_result_of_a_factory_is_injected_by_its_string_token():
    class Consumer:
        def __init__(self, common: Annotated[AppDBService, Inject("AppDBService")]):
            self.common = common

    with Application(importing(CommonModule.load_by_factory("AppDBService"), providers=(Consumer,))) as app:
        assert type(app.get(Consumer).common) is AppDBService


class A:
    pass


class B:
    pass


def both(a, b):
    return (a, b)


@module(providers=[A, B], exports=[A, B])
class Letters:
    pass


@pytest.mark.anchor("nest-19")
@pytest.mark.parametrize(("imports", "providers"), [((), (A, B)), ((Letters,), ())])
def test_a_factory_receives_the_tokens_of_inject_in_order(imports, providers):
    pair = Provider("both", use_factory=both, inject=[B, A])
    with Application(importing(*imports, providers=(*providers, pair))) as app:
        assert [type(one) for one in app.get("both")] == [B, A]


@pytest.mark.anchor("nest-20")
def test_a_token_of_inject_has_to_be_visible():
    root = importing(providers=(A, Provider("both", use_factory=both, inject=[A, B])))
    with pytest.raises(
        UnresolvedError, match=r"can't resolve dependencies of 'both' in App: parameter 'inject\[1\]' needs B, which is"
    ):
        Application(root)


@pytest.mark.anchor("nest-20")
def test_an_optional_token_of_inject_is_the_default_or_none():
    def pair(a, b="default"):
        return (a, b)

    optional = [Inject(A, optional=True), Inject(B, optional=True)]
    providers = (
        Provider("two", use_factory=pair, inject=optional),
        Provider("rest", use_factory=lambda *rest: rest, inject=optional[:1]),
    )
    with Application(importing(providers=providers)) as app:
        assert app.get("two") == (None, "default")
        assert app.get("rest") == (None,)


@pytest.mark.anchor("nest-21")
async def test_an_async_factory_is_awaited_before_its_consumer_is_built():
    async def client() -> A:
        return A()

    async def resource():
        yield "open"

    class Consumer:
        def __init__(self, a: A, state: Annotated[str, Inject("state")]):
            self.a, self.state = a, state

    root = importing(providers=(Consumer, client, Provider("state", use_factory=resource)))
    async with AsyncApplication(root) as app:
        assert type(app.get(Consumer).a) is A
        assert app.get(Consumer).state == "open"


@pytest.mark.anchor("nest-21")
def test_a_provider_that_is_never_requested_is_built_once():
    built = []
    with Application(importing(providers=(Provider("alone", use_factory=lambda: built.append(1)),))):
        assert built == [1]


@pytest.mark.anchor("nest-21")
def test_an_async_factory_requires_async_application():
    async def client() -> A:
        return A()

    with pytest.raises(AsyncFactoryError, match="cannot await the factory of A in App; use AsyncApplication"):
        Application(importing(providers=(client,)))


@pytest.mark.anchor("nest-21")
async def test_the_error_of_a_factory_is_the_error_of_start():
    async def failing():
        raise OSError("no etcd here")

    with pytest.raises(OSError, match="no etcd here"):
        await AsyncApplication(importing(providers=(Provider("x", use_factory=failing),))).start()


class AliasController:
    def __init__(self, common: Annotated[AbstractDBCommonService, Inject("AppDBService")]):
        self.common = common


class OtherAliasController:
    def __init__(self, common: Annotated[AbstractDBCommonService, Inject("UserDBService")]):
        self.common = common


@pytest.mark.anchor("nest-22")
def test_two_aliases_of_one_token_are_the_same_instance():
    root = user_and_app(
        CommonModule.load_by_existing(), CommonModule.load_by_existing(), (OtherAliasController, AliasController)
    )
    with Application(root) as app:
        assert app.get(OtherAliasController).common is app.get(AliasController).common


@pytest.mark.anchor("nest-23")
def test_an_alias_and_its_target_in_each_of_two_modules_are_two_instances():
    @module(providers=[AbstractDBCommonService, Provider("UserDBService", use_existing=AbstractDBCommonService)])
    class User:
        pass

    root = importing(User, providers=(AbstractDBCommonService, Provider("x", use_existing=AbstractDBCommonService)))
    with Application(root) as app:
        assert app.get("x") is app.get(AbstractDBCommonService)
        assert app.get("x") is not app.get("UserDBService")
