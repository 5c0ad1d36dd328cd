"""Whether a client's cluster answers."""

from __future__ import annotations

from attrs import evolve

from etcd_factory.core.bound import Bound, operation
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.op import Op, message
from etcd_factory.errors import NoLeaderError, PermissionDeniedError
from etcd_factory.model import Health
from etcd_factory.wire import messages, methods

KEY = b"health"  # the key that etcdctl's endpoint health reads; any would do


class HealthChecks(Bound[F]):
    """The part of a service that checks its cluster."""

    __slots__ = ()

    _run: View

    @operation
    async def health(self, timeout: float = 1) -> Health:
        """Return the health of the cluster within ``timeout`` seconds. Reports every problem, and never raises one.

        A cluster is healthy if a linearizable read is answered by a member that has a leader.
        """
        client = self._run.client
        start = client.runtime.now()
        try:
            await linearizable_read(evolve(self._run, timeout=timeout))
            latency = client.runtime.now() - start
            status = await client.call(methods.STATUS, messages.StatusRequest(), max(0.001, timeout - latency))
        except Exception as error:  # also what a function that returns the password raises
            return Health(False, client.endpoint, error=error)
        missing = None if status.leader else NoLeaderError("the member has no leader", endpoint=client.endpoint)
        return Health(not missing, client.endpoint, status.version, status.leader, latency, missing)


async def linearizable_read(view: View) -> None:
    """Make a read that only a member of a working majority can answer; a refusal is an answer too."""
    try:
        await view.execute(Op("get", {"key": KEY, "count_only": True}, message))
    except PermissionDeniedError:
        return
