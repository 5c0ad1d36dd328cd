"""Instances by token: where an application and its modules find them."""

from __future__ import annotations

import pytest

from etcd_factory.nest import Application, Provider, ProviderNotFoundError, module
from tests.support.nest_modules import importing


@module(providers=[Provider("hidden", use_value=1), Provider("t", use_value="exported")], exports=["t"])
class Exporting:
    pass


@module(providers=[Provider("t", use_value="private")])
class Private:
    pass


@pytest.mark.anchor("nest-64")
def test_a_module_is_asked_before_the_application():
    with Application(importing(Exporting, Private)) as app:
        assert app.instance_at(app.find_from("Private", "t")) == "private"
        assert app.instance_at(app.find_from("Private", "hidden")) == 1
        with pytest.raises(ProviderNotFoundError, match="no module provides 'nothing'"):
            app.find_from("Private", "nothing")


@pytest.mark.anchor("nest-64")
def test_a_selected_module_is_not_strict_by_default():
    with Application(importing(Exporting)) as app:
        assert app.select("App").get("t") == "exported"
        with pytest.raises(ProviderNotFoundError):
            app.select("App").get("t", strict=True)
