"""Clients in Flask, without a server: no client does I/O before its first call."""

from __future__ import annotations

import pytest
from flask import Flask

from etcd_factory.errors import ClientClosedError
from etcd_factory.integrations.flask import Etcd

CONFIG = {"clients": {"a": {"namespace": "a/"}, "b": {"namespace": "b/"}}, "default_client_name": "b"}


@pytest.fixture
def app():
    app = Flask(__name__)
    yield app
    if "etcd" in app.extensions:
        app.extensions["etcd"].close()


def test_a_view_gets_the_client_of_a_name_or_the_default_one(app):
    etcd = Etcd(app, CONFIG)

    @app.get("/")
    def both():
        return [etcd.get("a").options.namespace, etcd.get().options.namespace]

    assert app.test_client().get("/").json == ["a/", "b/"]


def test_the_configuration_may_be_that_of_the_application(app):
    app.config["ETCD"] = CONFIG
    etcd = Etcd(app)
    with app.app_context():
        assert etcd.get("a").options.namespace == "a/"
        assert etcd.factory.names == ("a", "b")


def test_it_is_closed_and_opened_again_by_its_next_use(app):
    etcd = Etcd(app, CONFIG)
    with app.app_context():
        factory = etcd.factory
        etcd.shared.close()
        with pytest.raises(ClientClosedError):
            factory.get("a")
        assert etcd.get("a").options.namespace == "a/"


def test_without_it_the_error_says_what_to_do(app):
    with app.app_context(), pytest.raises(RuntimeError, match=r"call Etcd\(app\), or etcd\.init_app\(app\)"):
        Etcd().get()
