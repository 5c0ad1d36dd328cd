"""Modules that are made with arguments, and global ones (behaviours 25 to 36, 41 and 42)."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

from typing import Annotated

import pytest

from etcd_factory.nest import Application, DeclarationError, DynamicModule, Inject, Provider, UnresolvedError, module


class Http:
    """A client that is told its address."""

    def __init__(self, base_url: Annotated[str, Inject("base_url")]):
        self.base_url = base_url


@module(providers=[Http], exports=[Http])
class HttpModule:
    @staticmethod
    def register(base_url, **parts):
        return DynamicModule(HttpModule, providers=[Provider("base_url", use_value=base_url)], **parts)


def two(left, right):
    """A root with two modules of its own, each importing one of the given ones."""

    @module(imports=[left])
    class Left:
        pass

    @module(imports=[right])
    class Right:
        pass

    @module(imports=[Left, Right])
    class App:
        pass

    return App


def is_shared(left, right, token=Http, identity="value"):
    with Application(two(left, right), identity=identity) as app:
        return app.select("Left").get(token) is app.select("Right").get(token)


def test_b25_a_dynamic_module_needs_nothing_but_its_class():
    @module(providers=[Provider("t", use_value=1)], exports=["t"])
    class P:
        pass

    @module(imports=[DynamicModule(P)])
    class App:
        pass

    with Application(App) as app:
        assert app.get("t") == 1
    with Application(DynamicModule(App)) as app:
        assert app.get("t") == 1


def test_b26_imports_take_classes_dynamic_modules_and_functions_that_give_one():
    @module(imports=[lambda: HttpModule.register("later")])
    class Later:
        pass

    @module(imports=[Later, HttpModule.register("now")])
    class App:
        pass

    with Application(App) as app:
        assert app.get(Http).base_url == "now"
        assert app.select(Later).get(Http).base_url == "later"


def test_b26_a_coroutine_can_not_be_imported():
    async def register():
        return HttpModule.register("u")

    with pytest.raises(DeclarationError, match="await it first"):
        module(imports=[register()])


def test_b26_a_dynamic_module_may_import_modules():
    made = HttpModule.register("u", imports=[DynamicModule(Extra, exports=[Extra])], exports=[Extra])

    @module(imports=[made])
    class App:
        pass

    with Application(App) as app:
        assert isinstance(app.get(Extra), Extra)


@module()
class Extra:
    pass


def test_b27_static_and_dynamic_parts_are_put_together():
    @module(imports=[Extra], providers=[Provider("a", use_value=1)], exports=["a", Extra])
    class P:
        pass

    made = DynamicModule(
        P, imports=[HttpModule.register("u")], providers=[Provider("b", use_value=2)], exports=["b", HttpModule]
    )

    @module(imports=[made])
    class App:
        pass

    with Application(App) as app:
        assert (app.get("a"), app.get("b"), app.get(Http).base_url) == (1, 2, "u")


@pytest.mark.parametrize("name", ["register", "for_root", "load_env", "anything"])
def test_b28_the_method_may_have_any_name(name):
    @module(providers=[Http], exports=[Http])
    class Named:
        pass

    setattr(Named, name, lambda url: DynamicModule(Named, providers=[Provider("base_url", use_value=url)]))

    @module(imports=[getattr(Named, name)("u")])
    class App:
        pass

    with Application(App) as app:
        assert app.get(Http).base_url == "u"


def test_b29_two_modules_with_different_options_are_two_configurations():
    with Application(two(HttpModule.register("some"), HttpModule.register("somewhere else"))) as app:
        assert app.select("Left").get(Http).base_url == "some"
        assert app.select("Right").get(Http).base_url == "somewhere else"


def test_b30_one_configuration_serves_many_places():
    made = HttpModule.register("once", is_global=True)

    @module(imports=[made, two(Extra, Extra)])
    class App:
        pass

    with Application(App) as app:
        assert app.select("Left").get(Http) is app.select("Right").get(Http) is app.get(Http)


class Connection:
    def __init__(self, url: Annotated[str, Inject("url")]):
        self.url = url


@module()
class OrmModule:
    """As TypeORM's: one connection for all, and for each feature what it asks for."""

    @staticmethod
    def for_root(url):
        return DynamicModule(
            OrmModule, providers=[Provider("url", use_value=url), Connection], exports=[Connection], is_global=True
        )

    @staticmethod
    def for_feature(entity):
        repository = Provider(entity, use_factory=lambda connection: (connection, entity), inject=[Connection])
        return DynamicModule(OrmModule, providers=[repository], exports=[entity])


def test_b31_a_feature_uses_the_root_configuration_and_adds_its_own():
    @module(imports=[OrmModule.for_root("db"), two(OrmModule.for_feature("user"), OrmModule.for_feature("order"))])
    class App:
        pass

    with Application(App) as app:
        user, order = app.select("Left").get("user"), app.select("Right").get("order")
        assert user[0] is order[0] is app.get(Connection)
        assert (user[1], order[1]) == ("user", "order")


def test_b32_equal_calls_share_by_value_and_not_by_reference():
    assert is_shared(HttpModule.register("same"), HttpModule.register("same"))
    assert not is_shared(HttpModule.register("same"), HttpModule.register("same"), identity="reference")
    assert not is_shared(HttpModule.register("same"), HttpModule.register("other"))


@pytest.mark.parametrize("identity", ["value", "reference"])
def test_b33_the_same_object_is_one_instance(identity):
    made = HttpModule.register("u")
    assert is_shared(made, made, identity=identity)


@module()
class Made:
    @staticmethod
    def by(value):
        provider = Provider("made", use_factory=lambda: [value])
        return DynamicModule(Made, providers=[provider], exports=[provider])


def test_b34_functions_of_the_same_text_that_close_over_other_values_are_two():
    with Application(two(Made.by(1), Made.by(2))) as app:
        assert (app.select("Left").get("made"), app.select("Right").get("made")) == ([1], [2])
    assert is_shared(Made.by(1), Made.by(1), "made")


def test_b34_functions_of_the_same_text_in_other_files_are_two():
    def load(text):
        names = {"Made": Made, "Provider": Provider, "DynamicModule": DynamicModule, "text": text}
        exec("f = lambda: [text]", names)
        provider = Provider("made", use_factory=names["f"])
        return DynamicModule(Made, providers=[provider], exports=[provider])

    with Application(two(load("a"), load("b"))) as app:
        assert (app.select("Left").get("made"), app.select("Right").get("made")) == (["a"], ["b"])


class Service:
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


@module(providers=[Service], exports=[Service])
class Holder:
    pass


def test_b35_a_class_is_private_to_each_configuration_an_alias_is_shared():
    assert not is_shared(Loaded.by_class(1), Loaded.by_class(2), "s")
    assert is_shared(Loaded.by_existing(1), Loaded.by_existing(2), "s")


def test_b36_the_bare_class_next_to_a_configuration_is_another_module():
    with pytest.raises(UnresolvedError) as caught:
        Application(two(HttpModule, HttpModule.register("u")))
    (missing,) = caught.value.missing
    assert (missing.consumer, missing.token, missing.module) == ("Http", "base_url", "HttpModule")
    assert "HttpModule#2 provides it" in missing.advice


def everywhere():
    @module(providers=[Service, Provider("private", use_value=1)], exports=[Service], is_global=True)
    class Static:
        pass

    @module()
    class Dynamic:
        pass

    made = DynamicModule(
        Dynamic, providers=[Service, Provider("private", use_value=1)], exports=[Service], is_global=True
    )
    return {"static": Static, "dynamic": made}


class Consumer:
    def __init__(self, service: Service):
        self.service = service


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_b41_a_global_module_is_seen_everywhere_without_import(kind):
    @module(providers=[Consumer])
    class Feature:
        pass

    @module(imports=[Feature, everywhere()[kind]], providers=[Provider("root", use_existing=Service)])
    class App:
        pass

    with Application(App) as app:
        assert app.get(Consumer).service is app.get("root")


@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_b42_only_what_it_exports_is_seen(kind):
    @module(imports=[everywhere()[kind]], providers=[Provider("mine", use_existing="private")])
    class App:
        pass

    with pytest.raises(UnresolvedError, match="add it to the exports of"):
        Application(App)


def test_b42_it_has_to_be_imported_somewhere_and_a_leaf_will_do():
    @module(providers=[Consumer])
    class Feature:
        pass

    with pytest.raises(UnresolvedError):
        Application(Feature)

    @module(imports=[everywhere()["static"]])
    class Leaf:
        pass

    @module(imports=[Feature, Leaf])
    class App:
        pass

    with Application(App) as app:
        assert app.get(Consumer).service is app.get(Service)


def test_a_transient_module_is_never_shared_with_an_equal_one():
    made = HttpModule.register("u", is_transient=True)
    assert not is_shared(made, HttpModule.register("u", is_transient=True))
    assert is_shared(made, made)


def test_a_named_module_is_another_than_one_of_another_name():
    left, right = HttpModule.register("u", name="left"), HttpModule.register("u", name="right")
    assert not is_shared(left, right)
    with Application(two(left, right)) as app:
        assert app.select("left").get(Http) is app.select(left).get(Http)
        assert app.select(HttpModule.register("u", name="right")).name == "right"


def test_two_modules_can_not_have_one_name():
    with pytest.raises(DeclarationError, match="two modules have the name 'http'"):
        Application(two(HttpModule.register("a", name="http"), HttpModule.register("b", name="http")))
