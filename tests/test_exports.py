"""What the package gives by name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import etcd_factory

MODULES = sorted(name for _, name, _ in pkgutil.walk_packages(etcd_factory.__path__, "etcd_factory."))
PUBLIC = [name for name in MODULES if "__all__" in vars(importlib.import_module(name))]


@pytest.mark.parametrize("name", ["etcd_factory", *PUBLIC])
def test_all_is_complete(name):
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, one) for one in module.__all__)


def test_every_module_says_what_it_is_for():
    assert [name for name in MODULES if not importlib.import_module(name).__doc__] == []


def test_every_public_name_is_documented():
    assert [name for name in etcd_factory.__all__ if not inspect.getdoc(getattr(etcd_factory, name))] == []
