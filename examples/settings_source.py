"""Settings of pydantic-settings: arguments, then variables of the environment, then etcd, then defaults.

Starts its own etcd. Needs pip install 'etcd-factory[server,pydantic-settings]'.
"""

from __future__ import annotations

import os

from pydantic import BaseModel
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from etcd_factory import ETCDService
from etcd_factory.configcenter import ConfigCenter
from etcd_factory.integrations.pydantic_settings import EtcdSettingsSource
from etcd_factory.testing import EtcdServer


class Database(BaseModel):
    """Where the data is."""

    host: str = "localhost"
    port: int = 5432


class Settings(BaseSettings):
    """Settings of a shop."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", env_nested_delimiter="__")

    level: str = "info"
    db: Database = Database()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put etcd under the environment."""
        del dotenv_settings, file_secret_settings
        etcd = EtcdSettingsSource(settings_cls, {"hosts": os.environ["ETCD_ENDPOINT"]}, "shop/")
        return init_settings, env_settings, etcd


def main() -> None:
    """Save values, and read the settings."""
    with EtcdServer() as server, ETCDService({"hosts": server.endpoint}) as etcd:
        os.environ["ETCD_ENDPOINT"] = server.endpoint
        print("defaults   ", Settings())
        center = ConfigCenter(etcd, "shop/")
        center.save("level", "debug")
        center.save("db.port", 5433)
        print("etcd       ", Settings())
        os.environ["SHOP_DB__PORT"] = "5434"
        print("environment", Settings())
        print("arguments  ", Settings(level="error"))


if __name__ == "__main__":
    main()
