"""Clients in Django: ``INSTALLED_APPS = [..., "etcd_factory.integrations.django"]``, then ``get("instance1")``.

The setting ``ETCD`` is a directory or file to load, as ``BASE_DIR / "config"``, or the configuration itself, or a
factory; without it the directory ``config`` is used. The factory is opened at its first use, whether a server forks its
workers before that or after, and again after the setting was changed, as by ``override_settings``.
"""

from __future__ import annotations

from .clients import close, factory, get
from .views import ready

__all__ = ["close", "factory", "get", "ready"]
