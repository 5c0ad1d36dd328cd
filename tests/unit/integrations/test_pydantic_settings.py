"""A source of pydantic-settings, on replies that are played; with etcd in ``tests/conformance``."""

from __future__ import annotations

import pytest
from pydantic_settings import BaseSettings

from etcd_factory import ConfigError, ETCDService
from etcd_factory.configcenter import ConfigCenter
from etcd_factory.integrations.pydantic_settings import EtcdSettingsSource
from etcd_factory.testing import ScriptedTransport, replies


class Settings(BaseSettings):
    level: str = "info"
    db: dict[str, int] = {}


def service(**values):
    return ETCDService(transport=ScriptedTransport([replies.get(values)]))


def test_values_are_read_from_the_keys_below_a_prefix():
    source = EtcdSettingsSource(Settings, service(**{"shop/level": "debug", "shop/db/port": "5432"}), "shop/")
    assert source() == {"level": "debug", "db": {"port": 5432}}


def test_a_configuration_center_has_its_own_prefix_and_overrides():
    etcd = service(**{"shop/level": "debug", "shop/@canary/level": "warning"})
    center = ConfigCenter(etcd, "shop/", groups=["canary"])
    assert EtcdSettingsSource(Settings, center)() == {"level": "warning"}


def test_its_repr_shows_no_value():
    source = EtcdSettingsSource(Settings, service(**{"config/level": "secret"}))
    assert repr(source) == "EtcdSettingsSource(prefix='config/')"


def test_a_value_that_is_not_yaml_is_an_error():
    with pytest.raises(ConfigError, match="config/level"):
        EtcdSettingsSource(Settings, service(**{"config/level": "["}))
