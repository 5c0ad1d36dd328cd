"""The line of the user's program that warnings name."""

from __future__ import annotations

import inspect

import attrs
import pytest

from etcd_factory.site import caller, in_package


def here():
    """This file, and the line that calls this."""
    return __file__, inspect.currentframe().f_back.f_lineno


@attrs.frozen
class Placed:
    """Notes the line that creates it, and that it is created by again."""

    number: int = 0
    site: object = attrs.field(factory=caller, init=False)


def test_a_line_outside_of_the_package_is_named():
    assert caller() == here()


def test_what_attrs_generates_or_calls_is_not_the_users_line():
    assert Placed().site == here()
    assert attrs.evolve(Placed(), number=1).site == here()


def test_without_a_user_the_place_is_unknown(monkeypatch):
    monkeypatch.setattr(inspect, "currentframe", lambda: None)
    assert caller() == ("<unknown>", 0)


@pytest.mark.parametrize(
    ("module", "ours"),
    [("etcd_factory", True), ("etcd_factory.core.bound", True), ("etcd_factory_more", False), ("__main__", False)],
)
def test_the_modules_of_the_package(module, ours):
    assert in_package(module) is ours
