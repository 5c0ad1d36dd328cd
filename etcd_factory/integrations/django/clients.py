"""The factory of a Django project."""

from __future__ import annotations

from typing import Any

from etcd_factory.factory import ETCDServiceFactory, SharedFactory
from etcd_factory.service import ETCDService

try:
    from django.conf import settings
    from django.core.signals import setting_changed
except ImportError as error:
    raise ImportError("etcd_factory.integrations.django needs Django: pip install 'etcd-factory[django]'") from error

_shared: list[SharedFactory] = []


def shared() -> SharedFactory:
    """Return what holds the factory of the settings."""
    if not _shared:
        _shared.append(SharedFactory(getattr(settings, "ETCD", None)))
    return _shared[0]  # another thread may have been faster


def factory() -> ETCDServiceFactory:
    """Return the factory. Raises ``ConfigError`` if it cannot be made."""
    return shared().factory


def get(name: str | None = None) -> ETCDService:
    """Return the client of that name, or the default one; see ``ETCDServiceFactory.get``."""
    return shared().get(name)


def close() -> None:
    """Close the factory, which is done at the exit of the process too; the next use opens another one. Idempotent."""
    while _shared:
        _shared.pop().close()


def changed(*, setting: str, **_: Any) -> None:
    """Close the factory once its setting was changed."""
    if setting == "ETCD":
        close()


setting_changed.connect(changed)
