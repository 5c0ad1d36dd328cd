"""Modules as they are written: who sees what, and which instances are shared (behaviours 1 to 8)."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

import pytest

from etcd_factory.nest import Application, DeclarationError, DynamicModule, Provider, UnresolvedError, module


class AppService:
    """The service of the seeds: it holds one text."""

    def __init__(self):
        self.text = ""


class Controller:
    def __init__(self, service: AppService):
        self.service = service

    def set(self, text):
        self.service.text = text

    def get(self):
        return self.service.text


class AppController(Controller):
    pass


class UserController(Controller):
    pass


def giving(value, is_global=False):
    @module(providers=[Provider("t", use_value=value)], exports=["t"], is_global=is_global)
    class Giving:
        pass

    return Giving


def test_b1_every_field_is_optional():
    @module()
    class Empty:
        pass

    with Application(Empty) as app:
        assert isinstance(app.get(Empty), Empty)


def test_b2_providers_of_one_module_see_each_other_without_any_export():
    @module(providers=[AppController, AppService])
    class App:
        pass

    with Application(App) as app:
        assert app.get(AppController).service is app.get(AppService)


def test_b3_a_provider_of_two_modules_is_two_instances():
    @module(providers=[AppService, UserController])
    class User:
        pass

    @module(imports=[User], providers=[AppService, AppController])
    class App:
        pass

    with Application(App) as app:
        root, user = app.get(AppController), app.get(UserController)
        root.set("Hi~")
        assert (root.get(), user.get()) == ("Hi~", "")
        user.set("HiUser~")
        assert (root.get(), user.get()) == ("Hi~", "HiUser~")


def test_b4_an_exported_provider_is_one_instance():
    @module(providers=[AppService, UserController], exports=[AppService])
    class User:
        pass

    @module(imports=[User], providers=[AppController])
    class App:
        pass

    with Application(App) as app:
        app.get(AppController).set("Hi~")
        assert app.get(UserController).get() == "Hi~"


def test_b4_the_mirror_image_is_one_instance_too():
    @module(providers=[AppService], exports=[AppService])
    class Shared:
        pass

    @module(imports=[Shared], providers=[UserController])
    class User:
        pass

    @module(imports=[User, Shared], providers=[AppController])
    class App:
        pass

    with Application(App) as app:
        app.get(UserController).set("HiUser~")
        assert app.get(AppController).get() == "HiUser~"


def failing(root):
    """What is missing when an application of that root is made."""
    with pytest.raises(UnresolvedError, match="can't resolve dependencies") as caught:
        Application(root)
    (missing,) = caught.value.missing
    return missing


def test_b5_what_is_not_exported_is_not_seen():
    @module(providers=[AppService])
    class User:
        pass

    @module(imports=[User], providers=[AppController])
    class App:
        pass

    missing = failing(App)
    assert (missing.consumer, missing.token, missing.module) == ("AppController", AppService, "App")
    assert missing.advice == "User provides it: add it to the exports of User"


def test_b5_what_is_exported_and_not_imported_is_not_seen():
    @module(providers=[AppService], exports=[AppService])
    class User:
        pass

    @module(providers=[AppController])
    class Other:
        pass

    @module(imports=[User, Other])
    class App:
        pass

    assert failing(Other).advice == "no module provides it: add it to the providers of Other"
    assert failing(App).advice == "User exports it: add User to the imports of Other"


def test_b6_an_import_is_not_passed_on():
    @module(providers=[AppService], exports=[AppService])
    class P:
        pass

    @module(imports=[P])
    class Q:
        pass

    @module(imports=[Q], providers=[AppController])
    class C:
        pass

    assert failing(C).advice == "P exports it: add P to the imports of C"


@pytest.mark.parametrize("dynamic", [False, True])
def test_b7_an_exported_module_is_passed_on_by_its_class(dynamic):
    @module(providers=[AppService], exports=[AppService])
    class P:
        pass

    made = DynamicModule(P, providers=[Provider("extra", use_value=1)], exports=["extra"]) if dynamic else P

    @module(imports=[made], exports=[P])
    class Q:
        pass

    @module(imports=[Q], providers=[AppController])
    class C:
        pass

    with Application(C) as app:
        assert app.get(AppController).service is app.select(P).get(AppService)
        assert ("extra" in app.graph.sight.exports["Q"]) is dynamic


def test_b7_a_dynamic_module_may_be_exported_as_it_is():
    @module()
    class P:
        pass

    made = DynamicModule(P, providers=[AppService], exports=[AppService])

    @module(imports=[made], exports=[made])
    class Q:
        pass

    @module(imports=[Q], providers=[AppController])
    class C:
        pass

    with Application(C) as app:
        assert app.get(AppController).service is app.select(P).get(AppService)


def test_b7_what_is_passed_on_is_passed_on_again_whatever_the_order():
    @module(providers=[AppService], exports=[AppService])
    class Z:
        pass

    @module(imports=[Z], exports=[Z])
    class Y:
        pass

    @module(imports=[Y], exports=[Y])
    class X:
        pass

    @module(imports=[X], providers=[AppController])
    class Feature:
        pass

    @module(imports=[Y, X, Feature])
    class App:
        pass

    with Application(App) as app:
        assert app.get(AppController).service is app.select(Z).get(AppService)


def test_b7_an_own_export_beats_one_that_is_passed_on():
    low = giving("passed on")

    @module(imports=[low], providers=[Provider("t", use_value="own")], exports=["t", low])
    class Both:
        pass

    @module(imports=[Both])
    class App:
        pass

    with Application(App) as app:
        assert app.get("t") == "own"


def test_b7_the_token_of_another_module_can_not_be_exported():
    @module(providers=[AppService], exports=[AppService])
    class P:
        pass

    @module(imports=[P], exports=[AppService])
    class Q:
        pass

    with pytest.raises(DeclarationError, match="P provides it: export that module, P, instead"):
        Application(Q)


def test_b8_an_export_that_is_neither_provided_nor_imported_is_an_error():
    @module(exports=[AppService])
    class A:
        pass

    @module()
    class Stranger:
        pass

    @module(exports=[Stranger])
    class B:
        pass

    with pytest.raises(DeclarationError, match="A exports AppService, which it neither provides nor imports; add it"):
        Application(A)
    with pytest.raises(DeclarationError, match="add Stranger to the imports of B"):
        Application(B)
