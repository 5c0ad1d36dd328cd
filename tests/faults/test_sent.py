"""Whether a failed request left the client: one that did not is sent to another host, and is never "maybe applied"."""

from __future__ import annotations

import asyncio
import socket
import time
from functools import partial

import grpc
import pytest

from etcd_factory import errors, ops
from etcd_factory.core.face import finish
from etcd_factory.io.grpc.channel import PROBE, arguments
from etcd_factory.options import ClientOptions
from etcd_factory.testing import FaultProxy
from etcd_factory.wire import methods
from tests.support.faces import in_time, settle, until
from tests.support.transports import Recorded

UNKNOWN = "no-such-host.invalid:2379"  # RFC 6761: never resolves
DIAL_TIMEOUT = 0.5
SLACK = 1.0  # seconds that a busy machine may take longer
PATIENT = {"timeout": 30, "dial_timeout": DIAL_TIMEOUT, "retry": {"attempts": 1000, "maximum": 0.1}}

WRITES = {
    "put": lambda client: client.put("k").value("v"),
    "create": lambda client: client.if_("k", "version", "==", 0).then(ops.put("k").value("v")).commit(),
    "delete": lambda client: client.delete().key("k"),
}


def attempts(recorded, method="Put"):
    """Return the hosts of the attempts at a method, and the error of each, None if it succeeded."""
    replies = [(call.host, reply) for call, reply in recorded.replies if call.method == method]
    return [(host.partition("://")[2], reply if isinstance(reply, Exception) else None) for host, reply in replies]


def assert_never_left(error):
    assert isinstance(error, errors.ConnectionFailedError), error
    assert (error.sent, error.maybe_applied) == (False, False), error


async def version(client):
    kv = await settle(client.get("k").kv())
    return kv.version if kv else 0


async def error_of(call):
    [error] = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(error, errors.EtcdError), error
    return error


# --- a host that cannot be reached, before others that can


async def assert_written_elsewhere(make_wrapped, unreachable, cluster, **options):
    """Check that a new client writes to the second host what could not be sent to the first."""
    second, *_ = cluster.endpoints
    client, recorded = make_wrapped(Recorded, [unreachable, *cluster.endpoints], **options)
    await settle(client.put("k").value("v"))
    (first, error), last = attempts(recorded)
    assert_never_left(error)
    assert (first, last) == (unreachable, (second, None))
    assert (client.endpoint, await version(client)) == (second, 1)


async def test_a_host_name_that_does_not_resolve_is_passed_over(make_wrapped, etcd_cluster):
    await assert_written_elsewhere(make_wrapped, UNKNOWN, etcd_cluster)


async def test_a_host_that_refuses_connections_is_passed_over(make_wrapped, etcd_cluster, etcd_proxy):
    etcd_proxy.cut()
    await assert_written_elsewhere(make_wrapped, etcd_proxy.endpoint, etcd_cluster)


async def test_a_host_that_accepts_connections_and_is_silent_is_passed_over(make_wrapped, etcd_cluster, etcd_proxy):
    etcd_proxy.half_open()
    start = time.monotonic()
    await assert_written_elsewhere(make_wrapped, etcd_proxy.endpoint, etcd_cluster, dial_timeout=DIAL_TIMEOUT)
    assert time.monotonic() - start < DIAL_TIMEOUT + SLACK


async def test_concurrent_writes_pass_over_a_host_name_that_does_not_resolve(face, make_wrapped, etcd_cluster):
    client, recorded = make_wrapped(Recorded, [UNKNOWN, *etcd_cluster.endpoints])
    await asyncio.gather(*(face.begin(partial(client.put("k").value, str(number))) for number in range(20)))
    for host, error in attempts(recorded):
        assert (host == UNKNOWN) == (error is not None)
        if error is not None:
            assert_never_left(error)
    assert await version(client) == 20


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_write_to_nothing_but_a_host_name_that_does_not_resolve_was_not_applied(face, make, write):
    start = time.monotonic()
    error = await error_of(face.begin(partial(write, make(UNKNOWN, **PATIENT))))
    assert time.monotonic() - start < DIAL_TIMEOUT + SLACK
    assert_never_left(error)


@pytest.fixture
def silent_name_server():
    """A name server that answers nothing."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_name_server_that_is_silent_delays_a_call_by_the_dial_timeout(silent_name_server):
    settings = arguments(ClientOptions(dial_timeout=DIAL_TIMEOUT))
    start = time.monotonic()
    target = f"dns://{silent_name_server}/etcd.example:2379"
    with grpc.insecure_channel(target, settings) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary(PROBE)(b"", timeout=30)
    assert time.monotonic() - start < DIAL_TIMEOUT + SLACK


# --- a connection that breaks while the client is idle


async def begin_break(face, transport, host):
    """Return a future that is done once the transport knows that its connection to a host is broken."""
    opening = transport.stream(f"http://{host}", methods.WATCH, ())
    stream = finish(opening) if face.is_blocking else await opening
    return face.begin(lambda: finish(stream.receive()) if face.is_blocking else stream.receive())


async def test_a_write_after_the_member_in_use_was_killed_is_sent_to_another(
    face, make_wrapped, used, cluster_hosts, etcd_cluster
):
    client, recorded = make_wrapped(Recorded, cluster_hosts)
    await settle(client.put("k").value("v"))
    breaking = await begin_break(face, recorded.inner, used.endpoint)
    await asyncio.to_thread(used.kill)
    await error_of(breaking)
    await asyncio.to_thread(lambda: etcd_cluster.leader)  # followers forward writes to a dead leader until then
    await settle(client.put("k").value("w"))
    _, (first, error), *others = attempts(recorded)
    assert first == used.endpoint
    assert_never_left(error)
    assert others[-1] == (client.endpoint, None)
    assert client.endpoint != used.endpoint
    assert await version(client) == 2


# --- a reply that is lost


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("end", ["reset", "cut"])
async def test_a_write_to_a_cluster_whose_reply_is_lost_may_have_been_applied(face, make, etcd_cluster, write, end):
    observer = make([*etcd_cluster.endpoints[1:]])
    before = (await settle(observer.put("k").value("before"))).revision
    if write is WRITES["create"]:
        before = (await settle(observer.delete().key("k"))).revision
    with FaultProxy(etcd_cluster[0].endpoint) as proxy:
        client = make([proxy.endpoint, *etcd_cluster.endpoints[1:]])
        await settle(client.get("k").exists())
        proxy.drop_replies()
        writing = face.begin(partial(write, client))
        await in_time(until(partial(has_changed, observer, before)))
        getattr(proxy, end)()
        error = await error_of(writing)
        assert (error.maybe_applied, error.attempts, error.endpoint) == (True, 1, proxy.endpoint)
        assert await settle(observer.get_all().count()) == (0 if write is WRITES["delete"] else 1)


async def has_changed(client, revision):
    """Return whether the store has changed since this revision."""
    return (await settle(client.get("k").exec())).revision > revision


# --- hosts that all refuse


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "new"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_write_to_hosts_that_all_refuse_ends_soon_and_was_not_applied(
    face, make_wrapped, etcd_cluster, write, connected
):
    client, recorded = make_wrapped(Recorded, [*etcd_cluster.endpoints], **PATIENT)
    if connected:
        await settle(client.get("k").exists())
        breaking = await begin_break(face, recorded.inner, client.endpoint)
    for member in etcd_cluster:
        await asyncio.to_thread(member.kill)
    if connected:
        await error_of(breaking)
    start = time.monotonic()
    error = await error_of(face.begin(partial(write, client)))
    assert time.monotonic() - start < len(etcd_cluster.endpoints) * DIAL_TIMEOUT + SLACK
    assert_never_left(error)
    assert {call.host.partition("://")[2] for call in recorded.calls} == {*etcd_cluster.endpoints}
    await asyncio.to_thread(etcd_cluster.start)
    assert await version(client) == 0
