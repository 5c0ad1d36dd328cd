"""Routes of the service registry: services, their instances, and which one a balancer picks."""

from __future__ import annotations

import json

from attrs import asdict
from starlette.requests import Request
from starlette.responses import Response

from etcd_factory.registry import ServiceInstance
from etcd_factory.registry.balancers import BALANCERS

from .scene import Scene
from .values import Json


async def services(scene: Scene, request: Request) -> Response:
    """Answer the names of all services, and those of the balancers."""
    del request
    names = await scene.factory.registry().services()
    return Json({"services": names, "balancers": [*BALANCERS]})


async def instances(scene: Scene, request: Request) -> Response:
    """Answer the instances of a service, whatever their status."""
    found = await scene.factory.registry().discover(request.query_params.get("service", ""), status=None)
    return Json({"instances": [*map(described, found)]})


async def pick(scene: Scene, request: Request) -> Response:
    """Answer which instance a balancer picks next, by default the one of the configuration."""
    given = request.query_params
    key = scene.factory.registry(), given.get("service", ""), given.get("balancer") or None
    view = await scene.views.view(key)
    return Json(described(view.pick(given.get("key") or None)))


def described(one: ServiceInstance) -> dict[str, object]:
    """Return an instance as JSON has it, its metadata as text: it may have what JSON does not."""
    address = None if one.host is None or one.port is None else one.address
    return {**asdict(one), "address": address, "metadata": json.dumps(one.metadata) if one.metadata else ""}
