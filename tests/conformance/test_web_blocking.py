"""The examples of blocking web frameworks over real HTTP, tested with the fixtures of the package as a user would."""

from __future__ import annotations

import pytest

from etcd_factory.integrations import django
from examples import flask_app
from tests.support.django_project import set_up
from tests.support.http import serving_wsgi


@pytest.fixture(scope="module")
def project():
    """The WSGI application of the Django project, of which a process can have only one."""
    return set_up()


@pytest.fixture(params=["django", "flask"])
def serving(request, etcd_override):
    """A function that serves the example on a configuration: what both read themselves is overridden."""

    def serve(config):
        if request.param == "flask":
            return serving_wsgi(flask_app.create_app(config))
        etcd_override(config)
        return serving_wsgi(request.getfixturevalue("project"))

    return serve


@pytest.fixture
def browser(serving, etcd_clients):
    """An HTTP client of an application whose client sees only this test's keys."""
    with serving(etcd_clients("visits")) as one:
        yield one


def test_visits_are_counted(browser, etcd):
    assert browser.get("/visits/rome").status_code == 404
    assert [browser.put("/visits/rome").text for _ in range(2)] == ["visit 1 of rome", "visit 2 of rome"]
    assert browser.get("/visits/rome").text == "2"
    assert etcd.get_all().strings() == {"visits/rome": "2"}


def test_it_is_ready(browser):
    answer = browser.get("/ready")
    healthy = {"ok": True, "priority": "medium", "error": None}
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "clients": {"visits": healthy}})


def test_it_is_not_ready_while_etcd_is_away(serving, refusing):
    with serving({"clients": {"visits": {"hosts": refusing}}}) as browser:
        answer = browser.get("/ready")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["clients"]["visits"]["error"] == "ConnectionFailedError"


def test_a_changed_setting_of_django_opens_another_factory(project, etcd_clients, etcd):
    from django.test import override_settings

    with override_settings(ETCD=etcd_clients("visits")), serving_wsgi(project) as browser:
        assert browser.put("/visits/rome").text == "visit 1 of rome"
        inside = django.factory()
    assert etcd.get("visits/rome").string() == "1"
    assert django.factory() is not inside
    assert django.factory().names == ("a", "b")
    django.close()


def test_each_application_of_flask_has_a_factory_of_its_own(etcd_clients, etcd):
    apps = [flask_app.create_app(etcd_clients("visits", timeout=number)) for number in (1, 2)]
    found = []
    for app in apps:
        with app.app_context():
            found.append(flask_app.etcd.get("visits").options.timeout)
        app.extensions["etcd"].close()
    assert found == [1, 2]
