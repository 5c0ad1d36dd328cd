"""Whether a client's cluster answers."""

from __future__ import annotations

from attrs import evolve

from ..errors import EtcdFactoryError, NoLeaderError, PermissionDeniedError
from ..model import Health
from ..wire import messages, methods
from .op import Op
from .view import View

KEY = b"health"  # what etcdctl's endpoint health reads; any key does


async def check(view: View, timeout: float) -> Health:
    """What the cluster says within ``timeout`` seconds. Never raises what is wrong with it, but tells it."""
    io, client = view.client.io, view.client
    start = io.now()
    try:
        await read(evolve(view, timeout=timeout))
        latency = io.now() - start
        left = max(0.001, timeout - latency)
        status = await client.call(methods.STATUS, messages.StatusRequest(), left)
    except EtcdFactoryError as error:
        return Health(False, client.endpoint, error=error)
    missing = None if status.leader else NoLeaderError("the member has no leader", endpoint=client.endpoint)
    return Health(not missing, client.endpoint, status.version, status.leader, latency, missing)


async def read(view: View) -> None:
    """A linearizable read, which only a member of a working majority can answer; refused is answered."""
    try:
        await view.execute(Op("get", {"key": KEY, "count_only": True}, lambda reply, _: reply))
    except PermissionDeniedError:
        return
