"""The scan of a root module: what it finds, names and merges."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

from typing import Annotated

import pytest

from etcd_factory.nest import (
    Application,
    DeclarationError,
    DynamicModule,
    Inject,
    Provider,
    ProviderNotFoundError,
    UnresolvedError,
    module,
)
from tests.support.nest_modules import AppService, Http, HttpModule, importing, left_and_right


class Service:
    pass


@module()
class Extra:
    pass


@pytest.mark.anchor("nest-11")
def test_the_last_provider_of_a_token_is_used():
    with Application(importing(providers=(Provider("t", use_value=1), Provider("t", use_value=2)))) as app:
        assert app.get("t") == 2


@pytest.mark.anchor("nest-11")
def test_a_dynamic_provider_overrides_a_static_one():
    @module(providers=[Provider("t", use_value="static")], exports=["t"])
    class P:
        pass

    with Application(importing(DynamicModule(P, providers=[Provider("t", use_value="dynamic")]))) as app:
        assert app.get("t") == "dynamic"


@pytest.mark.anchor("nest-14")
def test_modules_may_import_each_other_through_a_forward_reference():
    @module(imports=[lambda: B], providers=[AppService, Provider("a", use_factory=len, inject=["b"])], exports=["a"])
    class A:
        pass

    @module(imports=[A], providers=[Provider("b", use_value="four")], exports=["b"])
    class B:
        pass

    with Application(A) as app:
        assert app.get("a") == 4
        assert app.select(B).get("a") == 4


@pytest.mark.anchor("nest-26")
def test_imports_accept_classes_dynamic_modules_and_forward_references():
    @module(imports=[lambda: HttpModule.register("later")])
    class Later:
        pass

    with Application(importing(Later, HttpModule.register("now"))) as app:
        assert app.get(Http).base_url == "now"
        assert app.select(Later).get(Http).base_url == "later"


@pytest.mark.anchor("nest-26")
def test_a_dynamic_module_may_import_modules():
    made = HttpModule.register("u", imports=[DynamicModule(Extra, exports=[Extra])], exports=[Extra])
    with Application(importing(made)) as app:
        assert isinstance(app.get(Extra), Extra)


@pytest.mark.anchor("nest-27")
def test_static_and_dynamic_declarations_are_merged():
    @module(imports=[Extra], providers=[Provider("a", use_value=1)], exports=["a", Extra])
    class P:
        pass

    made = DynamicModule(
        P, imports=[HttpModule.register("u")], providers=[Provider("b", use_value=2)], exports=["b", HttpModule]
    )
    with Application(importing(made)) as app:
        assert (app.get("a"), app.get("b"), app.get(Http).base_url) == (1, 2, "u")


@pytest.mark.anchor("nest-29")
def test_modules_with_different_options_are_separate_configurations():
    with Application(left_and_right(HttpModule.register("some"), HttpModule.register("somewhere else"))) as app:
        assert app.select("Left").get(Http).base_url == "some"
        assert app.select("Right").get(Http).base_url == "somewhere else"


@pytest.mark.anchor("nest-30")
def test_one_configuration_serves_many_modules():
    made = HttpModule.register("once", is_global=True)
    with Application(importing(made, left_and_right(Extra, Extra))) as app:
        assert app.select("Left").get(Http) is app.select("Right").get(Http) is app.get(Http)


class Connection:
    def __init__(self, url: Annotated[str, Inject("url")]):
        self.url = url


@module()
class OrmModule:
    """Like TypeORM's: one connection for all, and a repository for each feature."""

    @staticmethod
    def for_root(url):
        return DynamicModule(
            OrmModule, providers=[Provider("url", use_value=url), Connection], exports=[Connection], is_global=True
        )

    @staticmethod
    def for_feature(entity):
        repository = Provider(entity, use_factory=lambda connection: (connection, entity), inject=[Connection])
        return DynamicModule(OrmModule, providers=[repository], exports=[entity])


@pytest.mark.anchor("nest-31")
def test_a_feature_uses_the_configuration_of_the_root_and_adds_its_own():
    features = left_and_right(OrmModule.for_feature("user"), OrmModule.for_feature("order"))
    with Application(importing(OrmModule.for_root("db"), features)) as app:
        user, order = app.select("Left").get("user"), app.select("Right").get("order")
        assert user[0] is order[0] is app.get(Connection)
        assert (user[1], order[1]) == ("user", "order")


def test_dynamic_modules_may_have_names():
    left, right = HttpModule.register("u", name="left"), HttpModule.register("u", name="right")
    with Application(left_and_right(left, right)) as app:
        assert app.select("left").get(Http) is app.select(left).get(Http)
        assert app.select(HttpModule.register("u", name="right")).name == "right"


def test_the_names_of_modules_are_unique():
    with pytest.raises(DeclarationError, match="Right: two modules are named 'http'; give each dynamic module another"):
        Application(left_and_right(HttpModule.register("a", name="http"), HttpModule.register("b", name="http")))


def test_a_generated_label_does_not_take_a_given_name():
    root = importing(HttpModule.register("a", name="HttpModule"), HttpModule.register("b"))
    assert list(Application(root).graph.tree.nodes) == ["App", "HttpModule", "HttpModule#2"]


def test_a_forward_reference_has_to_return_a_module():
    @module(imports=[lambda: Service])
    class Feature:
        pass

    with pytest.raises(DeclarationError, match="Feature: Service is not a module"):
        Application(importing(Feature))
    with pytest.raises(DeclarationError, match="Service is not a module"):
        Application(Service)


def test_an_error_of_an_annotation_names_the_module():
    def without_annotation():
        return 1

    @module(providers=[without_annotation])
    class Feature:
        pass

    with pytest.raises(DeclarationError, match="Feature: without_annotation has no return annotation"):
        Application(importing(Feature))


@pytest.mark.parametrize(("identity", "calls"), [("value", 1), ("reference", 2)])
def test_a_forward_reference_is_called_once(identity, calls):
    called = []

    def forward_ref():
        return lambda: called.append(1) or Extra

    def holder():
        return module(imports=[forward_ref()])(type("Holder", (), {}))

    Application(importing(holder(), holder()), identity=identity)
    assert len(called) == calls


def nested(depth):
    nesting = DynamicModule(Extra)
    for _ in range(depth):
        nesting = DynamicModule(Extra, imports=[nesting])
    return nesting


@pytest.mark.parametrize(("identity", "count"), [("value", 1502), ("reference", 3003)])
def test_modules_may_be_nested_deeper_than_the_recursion_limit(identity, count):
    app = Application(importing(nested(1500), nested(1500)), identity=identity)
    assert len(app.graph.tree.nodes) == count


def overridden(*overrides):
    @module(providers=[Service], exports=[Service])
    class Low:
        pass

    root = importing(Low, providers=(Service, Provider("alias", use_existing=Service)))
    return Application(root, overrides=overrides)


@pytest.mark.anchor("nest-63")
def test_an_override_replaces_the_provider_in_every_module():
    fake = object()
    with overridden(Provider(Service, use_value=fake)) as app:
        assert app.get(Service) is app.get("alias") is app.select("Low").get(Service) is fake


@pytest.mark.anchor("nest-63")
def test_an_override_is_built_in_each_module_that_provides_its_token():
    with overridden(Provider(Service, use_factory=lambda: object())) as app:
        assert app.get(Service) is not app.select("Low").get(Service)
    with pytest.raises(UnresolvedError, match="Service in App"):
        overridden(Provider(Service, use_factory=lambda x: x, inject=["nowhere"]))


@pytest.mark.anchor("nest-63")
def test_an_override_of_an_unknown_token_is_refused():
    with pytest.raises(
        ProviderNotFoundError, match=r"cannot override 'alas': no module provides it; did you mean .*'alias'"
    ):
        overridden(Provider("alas", use_value=1))


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({Service: 1}, "overrides must be a list"),
        ([Service], r"overrides contains Service; use Provider\(token, use_value="),
    ],
)
def test_overrides_have_to_be_providers(overrides, text):
    with pytest.raises(DeclarationError, match=text):
        Application(Extra, overrides=overrides)
