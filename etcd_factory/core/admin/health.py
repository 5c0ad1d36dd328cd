"""Whether a client's cluster answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from etcd_factory.core.arguments import seconds
from etcd_factory.core.bound import Bound, operation
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.op import Op, message
from etcd_factory.errors import EtcdError, NoLeaderError, NoSpaceError, PermissionDeniedError
from etcd_factory.model import Health
from etcd_factory.wire import messages, methods

if TYPE_CHECKING:
    from etcd_factory.wire.messages import StatusResponse

KEY = b"health"  # the key that etcdctl's endpoint health reads; any would do


class HealthChecks(Bound[F]):
    """The part of a service that checks its cluster."""

    __slots__ = ()

    _run: View

    @operation
    async def health(self, timeout: float = 1) -> Health:
        """Return the health of the cluster within ``timeout`` seconds. Reports every problem of it, and raises none.

        A cluster is healthy if a linearizable read is answered by a member that has a leader, and no alarm is active.
        Where the user may not see the status (since etcd 3.5.28 only root may) version and leader stay unknown.
        """
        client, timeout = self._run.client, seconds(timeout)
        start = client.runtime.now()
        try:
            await linearizable_read(evolve(self._run, timeout=timeout))
            latency = client.runtime.now() - start
            status = await member_status(client, max(0.001, timeout - latency))
            problem = await problem_of(client, status, max(0.001, timeout - (client.runtime.now() - start)))
        except Exception as error:  # also what a function that returns the password raises
            return Health(False, client.endpoint, error=error)
        return Health(not problem, client.endpoint, status.version, status.leader, latency, problem)


async def linearizable_read(view: View) -> None:
    """Make a read that only a member of a working majority can answer; a refusal is an answer too."""
    try:
        await view.execute(Op("get", {"key": KEY, "count_only": True}, message))
    except PermissionDeniedError:
        return


async def member_status(client: Client, timeout: float) -> StatusResponse:
    """Return a member's status; one without version and leader if the user may not see it.

    Only root may since etcd 3.5.28 and 3.6.9.
    """
    try:
        return await client.call(methods.STATUS, messages.StatusRequest(), timeout)
    except PermissionDeniedError:
        return messages.StatusResponse()


async def problem_of(client: Client, status: StatusResponse, timeout: float) -> EtcdError | None:
    """Return what is wrong with a member that answers: it has no leader, or alarms are active."""
    if status.version and not status.leader:
        return NoLeaderError("the member has no leader", endpoint=client.endpoint)
    if not status.errors:  # the alarms among them are text
        return None
    from etcd_factory.wire import admin  # loads what few programs use

    active = admin.alarms(await client.call(methods.ALARM, messages.AlarmRequest(action="GET"), timeout))
    if not active:
        return None
    names = ", ".join(sorted({alarm.kind for alarm in active}))
    kind = NoSpaceError if names == "nospace" else EtcdError
    return kind(f"alarms are active: {names}", endpoint=client.endpoint)
