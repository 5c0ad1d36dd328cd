"""Settings of pydantic-settings, read from etcd."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from etcd_factory.configcenter import ConfigCenter
from etcd_factory.errors import ConnectionFailedError
from etcd_factory.integrations.pydantic_settings import EtcdSettingsSource


class Database(BaseModel):
    host: str = "localhost"
    port: int = 5432


def settings(*source):
    """A class of settings with a source."""

    class Settings(BaseSettings, env_prefix="SHOP_", env_nested_delimiter="__"):
        level: str = "info"
        db: Database = Database()

        @classmethod
        def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **_):
            return init_settings, env_settings, EtcdSettingsSource(settings_cls, *source)

    return Settings


def test_values_are_those_of_the_configuration_center_over_the_defaults(etcd, etcd_options):
    center = ConfigCenter(etcd, "shop/")
    center.save("level", "debug")
    center.save("db.port", 1)
    for source in (center,), (etcd, "shop/"), (etcd_options, "shop/"):
        found = settings(*source)()
        assert (found.level, found.db) == ("debug", Database(port=1))


def test_arguments_and_variables_have_precedence(etcd, monkeypatch):
    center = ConfigCenter(etcd, "shop/")
    center.save("level", "debug")
    center.save("db/host", "db1")
    monkeypatch.setenv("SHOP_LEVEL", "error")
    monkeypatch.setenv("SHOP_DB__PORT", "2")
    found = settings(center)()
    assert (found.level, found.db) == ("error", Database(host="db1", port=2))
    assert settings(center)(level="warning").level == "warning"


def test_an_etcd_that_is_away_is_an_error(refusing):
    with pytest.raises(ConnectionFailedError):
        settings({"hosts": refusing, "dial_timeout": 0.5})()
