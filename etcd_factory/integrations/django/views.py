"""The readiness view."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse

from etcd_factory.factory.shared import readiness

from .clients import factory


def ready(request: HttpRequest) -> JsonResponse:
    """Answer whether the project is ready, for ``path("ready", ready)``: 503 if a client is not healthy.

    Clients of low priority do not count. Each is asked within a second.
    """
    del request
    status, body = readiness(factory().health())
    return JsonResponse(body, status=status)
