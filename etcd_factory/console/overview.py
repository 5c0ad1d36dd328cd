"""Routes of the clients with their health, and of the configuration with its layers."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from etcd_factory.config.places import placed
from etcd_factory.model import Health

from .scene import Scene
from .values import Json

PATIENCE = 2  # seconds that a client may take to be found healthy


async def clients(scene: Scene, request: Request) -> Response:
    """Answer all clients with their health, and what this console may do."""
    del request
    report, factory = await scene.factory.health(PATIENCE), scene.factory
    first = scene.first or factory.default_client_name or next(iter(report), None)
    options = {name: factory.get(name).options for name in report if name in factory}
    found = [
        {"name": name, "hosts": options[name].hosts, "namespace": options[name].namespace, **described(report[name])}
        for name in options
    ]
    return Json({"clients": found, "first": first, "writable": scene.is_writable})


def described(health: Health) -> dict[str, object]:
    """Return a client's health as JSON has it."""
    return {
        "ok": health.ok,
        "endpoint": health.endpoint,
        "version": health.version,
        "leader": f"{health.leader:x}" if health.leader else None,
        "latency_ms": round(health.latency * 1000, 1),
        "error": health.error and str(health.error),
        "priority": health.priority,
    }


async def configuration(scene: Scene, request: Request) -> Response:
    """Answer each value of the configuration with its place, secrets masked, and which files were read."""
    del request
    found = await run_in_threadpool(scene.explain)
    rows = await run_in_threadpool(placed, found)
    return Json({"rows": [shown(row) for row in rows], "files": found.files, "absent": found.absent})


def shown(row: dict[str, object]) -> dict[str, object]:
    """Return a row whose value is a text, as it is written in Python unless it is one."""
    value = row["value"]
    return {**row, "value": value if isinstance(value, str) else repr(value)}
