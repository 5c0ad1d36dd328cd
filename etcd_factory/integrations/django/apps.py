"""The Django application, which adds the checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from .checks import configured, healthy


class EtcdAppConfig(AppConfig):
    """``INSTALLED_APPS = [..., "etcd_factory.integrations.django"]``."""

    name = "etcd_factory.integrations.django"
    label = "etcd"
    verbose_name = "etcd"

    def ready(self) -> None:
        """Add the checks."""
        register(configured, "etcd")
        register(healthy, "etcd", deploy=True)
