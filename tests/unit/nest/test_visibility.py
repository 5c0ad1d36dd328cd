"""Which providers a module sees, and which of several takes precedence."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import pytest

from etcd_factory.nest import Application, DeclarationError, DynamicModule, Provider, UnresolvedError, module
from tests.support.nest_modules import AppController, AppService, UserController, importing, providing


@pytest.mark.anchor("nest-2")
def test_providers_of_one_module_see_each_other_without_export():
    with Application(importing(providers=(AppController, AppService))) as app:
        assert app.get(AppController).service is app.get(AppService)


@pytest.mark.anchor("nest-3")
def test_a_provider_of_two_modules_is_two_instances():
    @module(providers=[AppService, UserController])
    class User:
        pass

    with Application(importing(User, providers=(AppService, AppController))) as app:
        root, user = app.get(AppController), app.get(UserController)
        root.set("Hi~")
        assert (root.get(), user.get()) == ("Hi~", "")
        user.set("HiUser~")
        assert (root.get(), user.get()) == ("Hi~", "HiUser~")


@pytest.mark.anchor("nest-4")
def test_an_exported_provider_is_one_instance():
    @module(providers=[AppService, UserController], exports=[AppService])
    class User:
        pass

    with Application(importing(User, providers=(AppController,))) as app:
        app.get(AppController).set("Hi~")
        assert app.get(UserController).get() == "Hi~"


@pytest.mark.anchor("nest-4")
def test_a_provider_imported_by_both_modules_is_one_instance():
    @module(providers=[AppService], exports=[AppService])
    class Shared:
        pass

    @module(imports=[Shared], providers=[UserController])
    class User:
        pass

    with Application(importing(User, Shared, providers=(AppController,))) as app:
        app.get(UserController).set("HiUser~")
        assert app.get(AppController).get() == "HiUser~"


@pytest.mark.anchor("nest-7")
@pytest.mark.parametrize("dynamic", [False, True])
def test_an_exported_module_is_reexported_by_its_class(dynamic):
    @module(providers=[AppService], exports=[AppService])
    class P:
        pass

    made = DynamicModule(P, providers=[Provider("extra", use_value=1)], exports=["extra"]) if dynamic else P

    @module(imports=[made], exports=[P])
    class Q:
        pass

    with Application(importing(Q, providers=(AppController,))) as app:
        assert app.get(AppController).service is app.select(P).get(AppService)
        assert ("extra" in app.graph.visibility.exports["Q"]) is dynamic


@pytest.mark.anchor("nest-7")
def test_a_dynamic_module_may_be_exported_itself():
    @module()
    class P:
        pass

    made = DynamicModule(P, providers=[AppService], exports=[AppService])

    @module(imports=[made], exports=[made])
    class Q:
        pass

    with Application(importing(Q, providers=(AppController,))) as app:
        assert app.get(AppController).service is app.select(P).get(AppService)


@pytest.mark.anchor("nest-7")
def test_reexports_are_reexported_again_in_any_order():
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

    with Application(importing(Y, X, Feature)) as app:
        assert app.get(AppController).service is app.select(Z).get(AppService)


@pytest.mark.anchor("nest-7")
def test_an_own_export_takes_precedence_over_a_reexport():
    low = providing("reexported")

    @module(imports=[low], providers=[Provider("t", use_value="own")], exports=["t", low])
    class Both:
        pass

    with Application(importing(Both)) as app:
        assert app.get("t") == "own"


@pytest.mark.anchor("nest-7")
def test_the_token_of_an_imported_module_cannot_be_exported():
    @module(providers=[AppService], exports=[AppService])
    class P:
        pass

    @module(imports=[P], exports=[AppService])
    class Q:
        pass

    with pytest.raises(DeclarationError, match="P provides it: export the module P instead"):
        Application(Q)


@pytest.mark.anchor("nest-8")
def test_an_export_that_is_neither_provided_nor_imported_is_refused():
    @module(exports=[AppService])
    class A:
        pass

    @module()
    class Stranger:
        pass

    @module(exports=[Stranger])
    class B:
        pass

    with pytest.raises(
        DeclarationError,
        match="A exports AppService, which it neither provides nor imports; add it to the providers of A",
    ):
        Application(A)
    with pytest.raises(DeclarationError, match="add Stranger to the imports of B"):
        Application(B)


@pytest.mark.anchor("nest-11")
def test_an_own_provider_takes_precedence_over_an_imported_one():
    imported = providing("imported")

    @module(imports=[imported])
    class A:
        pass

    @module(imports=[imported], providers=[Provider("t", use_value="own")])
    class B:
        pass

    with Application(importing(A, B)) as app:
        assert (app.select(A).get("t"), app.select(B).get("t")) == ("imported", "own")


@pytest.mark.anchor("nest-12")
def test_the_first_import_takes_precedence_and_any_import_over_a_global_module():
    first, second, everywhere = providing(1), providing(2), providing(3, is_global=True)

    @module(imports=[everywhere, first, second])
    class A:
        pass

    @module(imports=[second, first])
    class B:
        pass

    @module(imports=[second])
    class C:
        pass

    @module()
    class D:
        pass

    with Application(importing(A, B, C, D, everywhere)) as app:
        assert [app.select(one).get("t") for one in (A, B, C, D)] == [3, 2, 2, 3]


def global_modules():
    """A global module for each way to declare one; it exports ``AppService``, and not ``"private"``."""
    private = Provider("private", use_value=1)

    @module(providers=[AppService, private], exports=[AppService], is_global=True)
    class Static:
        pass

    @module()
    class Dynamic:
        pass

    dynamic = DynamicModule(Dynamic, providers=[AppService, private], exports=[AppService], is_global=True)
    return {"static": Static, "dynamic": dynamic}


@pytest.mark.anchor("nest-41")
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_global_module_is_visible_everywhere_without_import(kind):
    @module(providers=[AppController])
    class Feature:
        pass

    root = importing(Feature, global_modules()[kind], providers=(Provider("root", use_existing=AppService),))
    with Application(root) as app:
        assert app.get(AppController).service is app.get("root")


@pytest.mark.anchor("nest-42")
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_only_the_exports_of_a_global_module_are_visible(kind):
    root = importing(global_modules()[kind], providers=(Provider("mine", use_existing="private"),))
    with pytest.raises(UnresolvedError, match="add it to the exports of"):
        Application(root)


@pytest.mark.anchor("nest-42")
def test_a_global_module_has_to_be_imported_once_and_a_leaf_is_enough():
    @module(providers=[AppController])
    class Feature:
        pass

    with pytest.raises(UnresolvedError):
        Application(Feature)

    @module(imports=[global_modules()["static"]])
    class Leaf:
        pass

    with Application(importing(Feature, Leaf)) as app:
        assert app.get(AppController).service is app.get(AppService)
