"""``Test``: applications for unit tests."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

from typing import Annotated
from unittest.mock import create_autospec

import pytest

from etcd_factory.nest import (
    Application,
    AsyncApplication,
    AsyncTest,
    DeclarationError,
    Inject,
    Provider,
    ProviderNotFoundError,
    Test,
    UnresolvedError,
    module,
)
from tests.support.nest_hooks import hooked
from tests.support.nest_modules import AppService, Http, HttpModule, importing


class Consumer:
    def __init__(self, service: AppService):
        self.service = service


@module(providers=[AppService, Consumer], exports=[AppService, Consumer])
class Feature:
    pass


@module(imports=[Feature], providers=[AppService])
class App:
    """Has a service of its own."""


@pytest.mark.anchor("nest-72")
def test_an_application_is_declared_like_a_module():
    with Test.create(imports=[Feature], providers=[Provider("own", use_value=1)], exports=["own"]).compile() as app:
        assert isinstance(app, Application)
        assert app.get("own", strict=True) == 1
        assert app.get(Consumer).service is app.get(AppService)


@pytest.mark.anchor("nest-72")
def test_it_is_started_by_compile_and_its_hooks_are_called():
    log = []
    app = Test.create(App, providers=[hooked("A", log)]).compile()
    assert log[:1] == ["A on_module_init"]
    app.stop()
    assert log[-1] == "A on_application_shutdown"


@pytest.mark.anchor("nest-72")
def test_a_provider_is_replaced_by_a_value_in_every_module():
    fake = object()
    with Test.create(App).override_provider(AppService).use_value(fake).compile() as app:
        assert app.get(Consumer).service is app.select(App).get(AppService) is fake


@pytest.mark.anchor("nest-72")
def test_a_provider_is_replaced_by_a_class_that_is_built():
    class Fake:
        def __init__(self, one: Annotated[int, Inject("one")]):
            self.one = one

    builder = Test.create(imports=[importing(providers=(Provider("one", use_value=1), AppService))])
    with builder.override_provider(AppService).use_class(Fake).compile() as app:
        assert app.get(AppService).one == 1


@pytest.mark.anchor("nest-72")
def test_a_provider_is_replaced_by_the_result_of_a_function():
    builder = Test.create(providers=[Provider("one", use_value=1), AppService])
    override = builder.override_provider(AppService)
    with override.use_factory(lambda one: one + 1, inject=["one"]).compile() as app:
        assert app.get(AppService) == 2
    with override.use_factory(lambda: 3).compile() as app:
        assert app.get(AppService) == 3
    with builder.compile() as app:  # builders are never changed
        assert isinstance(app.get(AppService), AppService)


@pytest.mark.anchor("nest-72")
def test_a_provider_that_no_module_has_cannot_be_replaced():
    with pytest.raises(ProviderNotFoundError, match="cannot override 'nothing': no module provides it"):
        Test.create(App).override_provider("nothing").use_value(1).compile()


@module(providers=[Provider(AppService, use_value="fake")], exports=[AppService])
class FakeFeature:
    pass


@module(imports=[Feature], exports=[Feature])
class Exporting:
    """Re-exports the module that is replaced."""


@pytest.mark.anchor("nest-72")
def test_a_module_is_replaced_wherever_it_is_imported():
    builder = Test.create(imports=[Exporting, importing(Feature)]).override_module(Feature).use_module(FakeFeature)
    with builder.compile() as app:
        assert app.select("App").get(AppService) == app.select(Exporting).get(AppService) == "fake"
        assert app.select("RootTestModule").get(AppService) == "fake"
        with pytest.raises(ProviderNotFoundError):
            app.select(Feature)


@pytest.mark.anchor("nest-72")
def test_a_dynamic_module_is_replaced_if_it_is_equal_and_so_is_the_replacement_itself():
    builder = Test.create(imports=[HttpModule.register("real", name="a"), HttpModule.register("other", name="b")])
    override = builder.override_module(HttpModule.register("real", name="a"))
    with override.use_module(HttpModule.register("fake", name="c")).compile() as app:
        assert [app.select(name).get(Http).base_url for name in "cb"] == ["fake", "other"]


@pytest.mark.anchor("nest-72")
def test_a_module_that_is_not_imported_cannot_be_replaced():
    builder = Test.create(imports=[HttpModule.register("real")])
    with pytest.raises(
        ProviderNotFoundError, match="cannot override HttpModule: no module imports it; a dynamic module"
    ):
        builder.override_module(HttpModule).use_module(FakeFeature).compile()
    with pytest.raises(DeclarationError, match="AppService is not a module"):
        builder.override_module(Feature).use_module(AppService).compile()


class NeedsMuch:
    def __init__(self, service: AppService, text: Annotated[str, Inject("text")], known: Annotated[int, Inject("one")]):
        self.service, self.text, self.known = service, text, known


@pytest.mark.anchor("nest-73")
def test_a_mocker_provides_each_missing_dependency_once_for_all_consumers():
    tokens = []

    def mock(token):
        tokens.append(token)
        return create_autospec(token, instance=True) if isinstance(token, type) else "mocked"

    providers = [NeedsMuch, Provider("one", use_value=1)]
    builder = Test.create(imports=[importing(providers=(Consumer,))], providers=providers)
    with builder.use_mocker(mock).compile() as app:
        found = app.get(NeedsMuch)
        assert (found.text, found.known) == ("mocked", 1)
        assert isinstance(found.service, AppService)
        assert found.service is app.get(Consumer).service is app.get(AppService)
    assert sorted(map(str, tokens)) == sorted([str(AppService), "text"])


@pytest.mark.anchor("nest-73")
def test_what_the_mocker_leaves_out_is_unresolved():
    builder = Test.create(providers=[NeedsMuch, Provider("one", use_value=1)])
    with pytest.raises(UnresolvedError) as caught:
        builder.use_mocker(lambda token: None if token == "text" else object()).compile()
    assert [missing.token for missing in caught.value.missing] == ["text"]
    with pytest.raises(UnresolvedError):
        builder.compile()


def test_a_mocker_that_is_not_a_function_is_refused():
    with pytest.raises(DeclarationError, match="mocker 5 is not callable"):
        Test.create().use_mocker(5)


@pytest.mark.anchor("nest-72", "nest-73")
@pytest.mark.parametrize("entered", [True, False])
async def test_everything_works_in_asyncio(entered):
    async def make():
        return "made"

    log = []
    builder = AsyncTest.create(Feature, providers=[NeedsMuch, Provider("one", use_value=1), hooked("A", log)])
    builder = builder.override_provider(AppService).use_factory(make).use_mocker(lambda token: f"mock of {token}")
    app = builder.compile()
    assert isinstance(app, AsyncApplication)
    if entered:
        async with app:
            assert (app.get(NeedsMuch).service, app.get(NeedsMuch).text) == ("made", "mock of text")
    else:
        assert await app is app
        assert app.get(Consumer).service == "made"
        await app.stop()
    assert log[-1] == "A on_application_shutdown"


def test_pytest_does_not_collect_them():
    assert not any(cls.__test__ for cls in (Test, AsyncTest, type(Test.create())))


@pytest.mark.anchor("nest-32")
def test_identity_is_passed_on():
    imports = [HttpModule.register("a"), HttpModule.register("a")]
    for identity, names in (("value", {"HttpModule"}), ("reference", {"HttpModule", "HttpModule#2"})):
        with Test.create(imports=imports, identity=identity).compile() as app:
            assert {name for name in app.graph.tree.nodes if name.startswith("Http")} == names
