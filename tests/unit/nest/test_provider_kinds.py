"""The four ways to provide (behaviours 15 to 24)."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

from typing import Annotated

import pytest

from etcd_factory.nest import (
    Application,
    AsyncApplication,
    AsyncFactoryError,
    DynamicModule,
    Inject,
    Provider,
    Token,
    UnresolvedError,
    module,
)


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


def pair(for_user, for_app, controllers=(UserController, AppController)):
    """A root that imports one module and the user's module that imports another; the two controllers in them."""

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
    def load_by_class(kind):
        provider = Provider(AbstractDBCommonService, use_class=WAREHOUSE[kind])
        return DynamicModule(CommonModule, providers=[provider], exports=[provider])

    @staticmethod
    def load_by_factory(kind):
        provider = Provider(kind, use_factory=lambda: WAREHOUSE[kind]())
        return DynamicModule(CommonModule, providers=[provider], exports=[provider])

    @staticmethod
    def load_by_existing():
        aliases = [Provider(name, use_existing=AbstractDBCommonService) for name in WAREHOUSE]
        return DynamicModule(CommonModule, providers=[AbstractDBCommonService, *aliases], exports=aliases)


def test_b15_each_module_gets_its_own_class_for_the_abstract_one():
    root = pair(CommonModule.load_by_class("UserDBService"), CommonModule.load_by_class("AppDBService"))
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


def test_b16_a_private_value_configures_each_module_by_itself():
    root = pair(
        FileModule.load_by_value("user.env"),
        FileModule.load_by_value("app.env"),
        (OtherFileController, FileController),
    )
    with Application(root) as app:
        assert app.get(OtherFileController).common.prefix == "USER.ENV"
        assert app.get(FileController).common.prefix == "APP.ENV"


@pytest.mark.parametrize("value", [0, None, "", False, ()])
def test_b17_falsy_values_are_values(value):
    def taken(given: Annotated[object, Inject("v")]) -> list:
        return [given]

    @module(providers=[Provider("v", use_value=value), taken])
    class App:
        pass

    with Application(App) as app:
        assert app.get("v") is value
        assert app.get(list) == [value]


def test_b18_what_a_factory_gives_is_injected_by_its_text():
    class Consumer:
        def __init__(self, common: Annotated[AppDBService, Inject("AppDBService")]):
            self.common = common

    @module(imports=[CommonModule.load_by_factory("AppDBService")], providers=[Consumer])
    class App:
        pass

    with Application(App) as app:
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


@pytest.mark.parametrize("places", [{"providers": [A, B]}, {"imports": [Letters]}])
def test_b19_a_factory_gets_what_inject_names_in_order(places):
    given = Provider("both", use_factory=both, inject=[B, A])

    @module(imports=places.get("imports", ()), providers=[*places.get("providers", ()), given])
    class App:
        pass

    with Application(App) as app:
        assert [type(one) for one in app.get("both")] == [B, A]


def test_b20_what_inject_names_has_to_be_seen():
    @module(providers=[A, Provider("both", use_factory=both, inject=[A, B])])
    class App:
        pass

    with pytest.raises(
        UnresolvedError, match=r"'both' in App can't resolve dependencies: 'inject\[1\]' is B, which App"
    ):
        Application(App)


def test_b20_an_optional_one_is_none_or_the_default():
    def shown(a, b="default"):
        return (a, b)

    @module(
        providers=[
            Provider("two", use_factory=shown, inject=[Inject(A, optional=True), Inject(B, optional=True)]),
            Provider("rest", use_factory=lambda *rest: rest, inject=[Inject(A, optional=True)]),
        ]
    )
    class App:
        pass

    with Application(App) as app:
        assert app.get("two") == (None, "default")
        assert app.get("rest") == (None,)


async def test_b21_an_async_factory_is_awaited_before_its_consumer_is_built():
    async def client() -> A:
        return A()

    async def resource():
        yield "open"

    class Consumer:
        def __init__(self, a: A, state: Annotated[str, Inject("state")]):
            self.a, self.state = a, state

    @module(providers=[Consumer, client, Provider("state", use_factory=resource)])
    class App:
        pass

    async with AsyncApplication(App) as app:
        assert type(app.get(Consumer).a) is A
        assert app.get(Consumer).state == "open"


def test_b21_what_nobody_asks_for_is_still_built_once():
    built = []

    @module(providers=[Provider("alone", use_factory=lambda: built.append(1))])
    class App:
        pass

    with Application(App):
        assert built == [1]


def test_b21_an_async_factory_needs_the_async_application():
    async def client() -> A:
        return A()

    @module(providers=[client])
    class App:
        pass

    with pytest.raises(AsyncFactoryError, match="A in App; use AsyncApplication"):
        Application(App)


async def test_b21_the_error_of_a_factory_is_the_error_of_the_start():
    async def failing():
        raise OSError("no etcd here")

    @module(providers=[Provider("x", use_factory=failing)])
    class App:
        pass

    with pytest.raises(OSError, match="no etcd here"):
        await AsyncApplication(App).start()


class AliasController:
    def __init__(self, common: Annotated[AbstractDBCommonService, Inject("AppDBService")]):
        self.common = common


class OtherAliasController:
    def __init__(self, common: Annotated[AbstractDBCommonService, Inject("UserDBService")]):
        self.common = common


def test_b22_two_aliases_of_one_token_are_one_instance():
    root = pair(
        CommonModule.load_by_existing(), CommonModule.load_by_existing(), (OtherAliasController, AliasController)
    )
    with Application(root) as app:
        assert app.get(OtherAliasController).common is app.get(AliasController).common


def test_b23_an_alias_with_its_target_in_each_of_two_modules_is_two_instances():
    @module(providers=[AbstractDBCommonService, Provider("UserDBService", use_existing=AbstractDBCommonService)])
    class User:
        pass

    @module(imports=[User], providers=[AbstractDBCommonService, Provider("x", use_existing=AbstractDBCommonService)])
    class App:
        pass

    with Application(App) as app:
        assert app.get("x") is app.get(AbstractDBCommonService)
        assert app.get("x") is not app.get("UserDBService")


def test_b24_a_text_a_class_and_a_token_of_one_name_are_three():
    token = Token[str]("AppDBService")

    @module(
        providers=[
            Provider("AppDBService", use_value="text"),
            Provider(token, use_value="token"),
            AppDBService,
        ]
    )
    class App:
        pass

    with Application(App) as app:
        assert (app.get("AppDBService"), app.get(token)) == ("text", "token")
        assert type(app.get(AppDBService)) is AppDBService
        with pytest.raises(KeyError, match="there is another Token"):
            app.get(Token[str]("AppDBService"))


def test_b24_a_class_does_not_find_the_text():
    class Consumer:
        def __init__(self, common: AppDBService):
            self.common = common

    @module(imports=[CommonModule.load_by_factory("AppDBService")], providers=[Consumer])
    class App:
        pass

    with pytest.raises(UnresolvedError, match=r"""no module provides it.*did you mean "'AppDBService'\""""):
        Application(App)
