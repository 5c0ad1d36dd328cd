"""Options that are computed when the application starts."""

from __future__ import annotations

import pytest

from etcd_factory.nest import Application, AsyncApplication, AsyncOptions, DeclarationError, Provider, module
from tests.support.nest_modules import importing


class Factory:
    def create(self):
        return {"size": 7}

    async def create_async(self):
        return {"size": 8}


@module(providers=[Provider("n", use_value=7), Factory], exports=["n", Factory])
class Imported:
    pass


SOURCES = {
    "a function": {"use_factory": lambda: {"size": 7}},
    "a function with dependencies": {"use_factory": lambda n: {"size": n}, "inject": ["n"]},
    "a class": {"use_class": Factory},
    "an instance of an import": {"use_existing": Factory},
}


def root_of(options, method="create", read=None):
    return importing(*options.imports, providers=options.providers("options", method, read))


@pytest.mark.parametrize("source", SOURCES)
def test_options_come_from_one_of_three_sources(source):
    with Application(root_of(AsyncOptions(**SOURCES[source], imports=[Imported]))) as app:
        assert app.get("options") == {"size": 7}


async def test_an_async_method_is_awaited():
    async with AsyncApplication(root_of(AsyncOptions(use_class=Factory), "create_async")) as app:
        assert app.get("options") == {"size": 8}


def test_options_are_converted_before_they_are_injected():
    with Application(root_of(AsyncOptions(use_class=Factory), read=lambda raw: raw["size"])) as app:
        assert app.get("options") == 7


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "async options need exactly one of use_factory, use_class, use_existing; got none"),
        ({"use_factory": dict, "use_class": Factory}, "got use_factory and use_class"),
    ],
)
def test_exactly_one_source_is_required(given, text):
    with pytest.raises(DeclarationError, match=text):
        AsyncOptions(**given)


def test_the_class_needs_the_method():
    with pytest.raises(DeclarationError, match="str has no method 'create' to return the options"):
        AsyncOptions(use_class=str).providers("options", "create", None)
