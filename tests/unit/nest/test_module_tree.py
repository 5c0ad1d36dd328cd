"""The tree of modules that a scan returns."""

from __future__ import annotations

from etcd_factory.nest import Token, module
from etcd_factory.nest.identity import ModuleKeys
from etcd_factory.nest.module_tree import Address
from etcd_factory.nest.scanner import scan
from tests.support.nest_modules import AppService, importing, providing


def test_an_address_is_shown_with_its_module():
    assert str(Address("App", AppService)) == "AppService in App"
    assert str(Address("App", "text")) == "'text' in App"


def test_the_modules_that_provide_a_token_are_listed_from_the_root_down():
    tree = scan(importing(providing(1), providing(2)), ModuleKeys())
    assert tree.providing("t") == ["Providing", "Providing#2"]
    assert tree.providing("other") == []


def test_a_similar_token_is_suggested():
    token = Token[int]("port")

    @module(providers=[AppService])
    class Feature:
        pass

    tree = scan(importing(Feature, providing(1)), ModuleKeys())
    assert tree.similar_token(token) == ""
    assert tree.similar_token(type("AppServise", (), {})) == "; did you mean 'AppService'?"
    assert tree.similar_token(type("AppService", (), {})) == "; a different token is also named AppService"
