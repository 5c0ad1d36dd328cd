"""The Django project of the example, with a configuration without a server; a process can have only one project."""

from __future__ import annotations

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from examples import django_app

CONFIG = {"clients": {"a": {"namespace": "a/"}, "b": {"namespace": "b/"}}, "default_client_name": "b"}


def set_up():
    """Return the WSGI application of the project, which is set up unless it is already."""
    return WSGIHandler() if settings.configured else django_app.create_app(CONFIG)
