"""Whether a client's cluster answers."""

from __future__ import annotations

from attrs import evolve

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F, operation
from etcd_factory.core.op import Op
from etcd_factory.errors import NoLeaderError, PermissionDeniedError
from etcd_factory.model import Health
from etcd_factory.wire import messages, methods

KEY = b"health"  # what etcdctl's endpoint health reads; any key does


class HealthChecks(Bound[F]):
    """The part of a service that tells how its cluster fares."""

    __slots__ = ()

    _run: View

    @operation
    async def health(self, timeout: float = 1) -> Health:
        """What the cluster says within ``timeout`` seconds. Never raises what is wrong with it, but tells it.

        Well is a cluster of which a linearizable read is answered, by a member that has a leader.
        """
        client = self._run.client
        start = client.io.now()
        try:
            await read(evolve(self._run, timeout=timeout))
            latency = client.io.now() - start
            status = await client.call(methods.STATUS, messages.StatusRequest(), max(0.001, timeout - latency))
        except Exception as error:  # a function that gives the password may raise what it likes
            return Health(False, client.endpoint, error=error)
        missing = None if status.leader else NoLeaderError("the member has no leader", endpoint=client.endpoint)
        return Health(not missing, client.endpoint, status.version, status.leader, latency, missing)


async def read(view: View) -> None:
    """A linearizable read, which only a member of a working majority can answer; refused is answered."""
    try:
        await view.execute(Op("get", {"key": KEY, "count_only": True}, lambda reply, _: reply))
    except PermissionDeniedError:
        return
