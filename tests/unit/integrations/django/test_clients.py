"""Clients in Django, without a server: no client does I/O before its first call."""

from __future__ import annotations

import pytest

from etcd_factory import ETCDServiceFactory
from etcd_factory.errors import ClientClosedError
from etcd_factory.integrations import django


def is_closed(factory):
    try:
        factory.get("a")
    except ClientClosedError:
        return True
    return False


def test_a_view_gets_the_client_of_a_name_or_the_default_one():
    assert django.get("a").options.namespace == "a/"
    assert django.get().options.namespace == "b/"
    assert django.factory().get("a") is django.get("a")


def test_a_changed_setting_opens_another_factory(settings):
    before = django.factory()
    settings(ETCD={"client": {"namespace": "other/"}})
    assert is_closed(before)
    assert django.get().options.namespace == "other/"


def test_another_setting_changes_nothing(settings):
    before = django.factory()
    settings(DEBUG=True)
    assert django.factory() is before
    assert not is_closed(before)


def test_it_is_closed_and_opened_again_by_its_next_use():
    before = django.factory()
    django.close()
    django.close()
    assert is_closed(before)
    assert django.factory() is not before


def test_the_setting_may_be_a_factory(settings):
    with ETCDServiceFactory({"client": {"namespace": "own/"}}) as factory:
        settings(ETCD=factory)
        assert django.factory() is factory
        django.close()
        assert factory.get().options.namespace == "own/"


def test_without_the_setting_it_is_the_configuration_of_the_directory(settings, tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.default.yaml").write_text("etcd: {client: {namespace: files/}}\n")
    monkeypatch.chdir(tmp_path)
    settings(ETCD=None)
    assert django.get().options.namespace == "files/"
    with pytest.raises(KeyError):
        django.get("a")
