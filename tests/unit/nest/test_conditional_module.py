"""Modules that are imported on a condition."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import pytest

from etcd_factory.nest import (
    Application,
    ConditionalModule,
    ConfigModule,
    DeclarationError,
    DynamicModule,
    Provider,
    ProviderNotFoundError,
    module,
)
from tests.support.nest_modules import HttpModule, importing


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch, tmp_path):
    for name in ("USE_FEATURE", "A"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@module(providers=[Provider("feature", use_value="on")], exports=["feature"])
class Feature:
    pass


CONFIG = ConfigModule.for_root()


def is_imported(condition, *imports):
    """Whether a root sees the feature that it imports on a condition."""
    with Application(importing(ConditionalModule.register_when(Feature, condition), *imports)) as app:
        try:
            return app.select("App").get("feature") == "on"
        except ProviderNotFoundError:
            return False


@pytest.mark.anchor("nest-77")
@pytest.mark.parametrize(
    ("value", "expected"), [(None, True), ("true", True), ("", True), ("0", True), ("false", False), ("FALSE", False)]
)
def test_a_variable_decides_and_only_false_is_false(monkeypatch, value, expected):
    if value is not None:
        monkeypatch.setenv("USE_FEATURE", value)
    assert is_imported("USE_FEATURE", CONFIG) is expected


@pytest.mark.anchor("nest-77")
@pytest.mark.parametrize(("text", "expected"), [("A=1\n", True), ("A=2\n", False)])
def test_a_function_of_the_environment_with_the_files_decides(tmp_path, text, expected):
    (tmp_path / ".env").write_text(text)
    assert is_imported(lambda env: env["A"] == "1" and "PATH" in env, CONFIG) is expected


@pytest.mark.anchor("nest-77")
def test_the_configuration_may_be_imported_anywhere(tmp_path):
    (tmp_path / "a.env").write_text("USE_FEATURE=false\n")

    @module(imports=[ConfigModule.for_root(env_file_path="a.env")])
    class Deep:
        pass

    assert not is_imported("USE_FEATURE", Deep)
    assert not is_imported("USE_FEATURE", importing(Deep))


@pytest.mark.anchor("nest-77")
def test_without_a_configuration_it_is_an_error():
    with pytest.raises(DeclarationError, match=r"ConditionalModule: a condition needs ConfigModule.for_root\(...\)"):
        Application(importing(ConditionalModule.register_when(Feature, "USE_FEATURE")))


@pytest.mark.anchor("nest-77")
def test_a_dynamic_module_and_what_it_imports_are_left_out_too():
    def when(condition):
        dynamic = HttpModule.register("a", imports=[Feature])
        return [*Application(importing(CONFIG, ConditionalModule.register_when(dynamic, condition))).graph.tree.nodes]

    assert {"HttpModule", "Feature"} <= {*when(lambda _: True)}
    assert {"HttpModule", "Feature"}.isdisjoint(when(lambda _: False))


def test_conditions_in_conditions_are_decided_too():
    def seen(inner):
        outer = DynamicModule(Outer, imports=[ConditionalModule.register_when(Feature, lambda _: inner)])
        app = Application(importing(CONFIG, ConditionalModule.register_when(outer, lambda _: True)))
        return "Feature" in app.graph.tree.nodes

    @module()
    class Outer:
        pass

    assert (seen(True), seen(False)) == (True, False)
