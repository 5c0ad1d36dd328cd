"""The Django application."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.checks import registry
from django.core.management import call_command
from django.core.management.base import SystemCheckError


def test_it_is_found_by_its_module():
    assert apps.get_app_config("etcd").name == "etcd_factory.integrations.django"


def test_check_reports_problems(settings):
    settings(ETCD={"client": {"hots": "x:1"}})
    with pytest.raises(SystemCheckError, match=r"etcd\.E001.*client\.hots: unknown option"):
        call_command("check", tags=["etcd"])


def test_clients_are_asked_only_before_a_deployment(settings, capsys):
    settings(ETCD={"client": {"hosts": "127.0.0.1:1"}})
    call_command("check", tags=["etcd"])
    assert "no issues" in capsys.readouterr().out
    call_command("check", tags=["etcd"], deploy=True)
    assert "etcd.W001" in capsys.readouterr().err


def test_the_checks_have_a_tag():
    assert "etcd" in registry.registry.tags_available()
