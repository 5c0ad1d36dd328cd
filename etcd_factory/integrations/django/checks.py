"""What ``manage.py check`` finds: problems in the configuration; with ``--deploy`` also unhealthy clients."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's own name

from etcd_factory.errors import ConfigError

from .clients import factory

INVALID = "correct the setting ETCD, or the file that is named"
UNHEALTHY = "see whether this cluster runs, and whether this host reaches it"


def configured(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Return every problem of the configuration, as ``etcd.E001``."""
    del app_configs
    try:
        factory()
    except ConfigError as error:
        return [Error(str(fault), hint=INVALID, id="etcd.E001") for fault in error.faults]
    return []


def healthy(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Return each client that is not healthy, as ``etcd.W001``; asks etcd."""
    if configured(app_configs, **kwargs):
        return []
    report = factory().health()
    return [
        Warning(f"the client {name!r} is not healthy: {health.error}", hint=UNHEALTHY, id="etcd.W001")
        for name, health in report.items()
        if not health.ok
    ]
