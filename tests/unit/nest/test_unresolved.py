"""The advice of an unresolved dependency."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import pytest

from etcd_factory.nest import Application, UnresolvedError, module
from tests.support.nest_modules import AppController, AppService, Http, HttpModule, importing


def missing_in(root):
    """The one dependency that is missing when an application of this root is created."""
    with pytest.raises(UnresolvedError, match="can't resolve dependencies") as caught:
        Application(root)
    (missing,) = caught.value.missing
    return missing


@module(providers=[AppService], exports=[AppService])
class Exporting:
    pass


@module(providers=[AppService])
class Private:
    pass


@pytest.mark.anchor("nest-5")
def test_a_provider_that_is_not_exported_has_to_be_exported():
    missing = missing_in(importing(Private, providers=(AppController,)))
    assert (missing.consumer, missing.parameter) == ("AppController", "service")
    assert (missing.token, missing.module) == (AppService, "App")
    assert missing.advice == "Private provides it: add it to the exports of Private"


@pytest.mark.anchor("nest-5")
def test_a_provider_of_another_module_has_to_be_exported_and_imported():
    @module(providers=[AppController])
    class Other:
        pass

    assert missing_in(importing(Private, Other)).advice == (
        "Private provides it: add it to the exports of Private, and Private to the imports of Other"
    )


@pytest.mark.anchor("nest-5")
def test_a_module_that_is_not_imported_has_to_be_imported():
    @module(providers=[AppController])
    class Other:
        pass

    assert missing_in(Other).advice == "no module provides it: add it to the providers of Other"
    assert (
        missing_in(importing(Exporting, Other)).advice == "Exporting exports it: add Exporting to the imports of Other"
    )


@pytest.mark.anchor("nest-6")
def test_an_import_is_not_transitive():
    @module(imports=[Exporting])
    class Between:
        pass

    missing = missing_in(importing(Between, providers=(AppController,)))
    assert missing.advice == "Exporting exports it: add Exporting to the imports of App"


def test_a_dynamic_module_has_to_be_imported_as_the_same_one():
    class Consumer:
        def __init__(self, http: Http):
            self.http = http

    @module(providers=[Consumer])
    class Other:
        pass

    missing = missing_in(importing(HttpModule.register("u"), Other))
    assert missing.advice == "HttpModule exports it: add the same dynamic HttpModule to the imports of Other"
