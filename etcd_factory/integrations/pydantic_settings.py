"""Values in etcd as a source of ``pydantic-settings``: a configuration center under the environment's variables.

>>> class Settings(BaseSettings):
...     level: str = "info"
...
...     @classmethod
...     def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **others):
...         return init_settings, env_settings, EtcdSettingsSource(settings_cls, {"hosts": "127.0.0.1:2379"})
"""

from __future__ import annotations

from typing import Any, cast

from omegaconf import OmegaConf

from etcd_factory.configcenter import ConfigCenter
from etcd_factory.options import ClientOptionsLike
from etcd_factory.options.secret import masked_options
from etcd_factory.service import ETCDService

try:
    from pydantic_settings import BaseSettings, InitSettingsSource
except ImportError as error:
    message = "etcd_factory.integrations.pydantic_settings needs it: pip install 'etcd-factory[pydantic-settings]'"
    raise ImportError(message) from error


class EtcdSettingsSource(InitSettingsSource):
    """What a configuration center has, read once, as the settings are made.

    ``etcd`` is a ``ConfigCenter``; a client, whose keys under ``prefix`` are read as those of a center; or the options
    of a client, which is closed once they are read. ``db/port`` and ``db.port`` are ``port`` in the model of the field
    ``db``. Raises ``EtcdError`` if etcd cannot be read, ``ConfigError`` listing every value that is not YAML.
    """

    def __init__(
        self,
        settings_cls: type[BaseSettings],
        etcd: ConfigCenter | ETCDService | ClientOptionsLike,
        prefix: str = "config/",
    ) -> None:
        etcd = masked_options(etcd)
        self.prefix = prefix
        super().__init__(settings_cls, values(etcd, prefix))

    def __repr__(self) -> str:
        return f"EtcdSettingsSource(prefix={self.prefix!r})"  # that of its base class shows every value


def values(etcd: ConfigCenter | ETCDService | ClientOptionsLike, prefix: str) -> dict[str, Any]:
    """Return the values as a nested mapping."""
    if isinstance(etcd, ConfigCenter):
        return cast("dict[str, Any]", OmegaConf.to_container(etcd.load()))
    if isinstance(etcd, ETCDService):
        return values(ConfigCenter(etcd, prefix), prefix)
    with ETCDService(etcd) as client:
        return values(client, prefix)
