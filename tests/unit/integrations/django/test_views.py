"""The readiness view; over HTTP and with etcd in ``tests/conformance``."""

from __future__ import annotations

import json

from django.test import RequestFactory

from etcd_factory.integrations.django import ready


def test_a_project_is_not_ready_while_etcd_is_away(settings):
    settings(ETCD={"client": {"hosts": "127.0.0.1:1"}})
    answer = ready(RequestFactory().get("/ready"))
    assert answer.status_code == 503
    away = {"ok": False, "priority": "medium", "error": "ConnectionFailedError"}
    assert json.loads(answer.content) == {"ready": False, "clients": {"default": away}}


def test_a_client_of_low_priority_does_not_count(settings):
    settings(ETCD={"client": {"hosts": "127.0.0.1:1"}, "client_priority": {"default": "low"}})
    assert ready(RequestFactory().get("/ready")).status_code == 200
