"""A Django project whose setting ``ETCD`` each test can change."""

from __future__ import annotations

import pytest

from etcd_factory.integrations import django
from tests.support.django_project import CONFIG, set_up

set_up()


@pytest.fixture(autouse=True)
def settings():
    """Override settings: ``settings(ETCD=...)``; at first ``CONFIG``."""
    from django.test import override_settings

    changed = []

    def change(**values):
        changed.append(override_settings(**values))
        changed[-1].enable()

    change(ETCD=CONFIG)
    yield change
    for one in reversed(changed):
        one.disable()
    django.close()
