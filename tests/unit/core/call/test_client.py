"""One call on its way: hosts, deadline, token, and what follows a failure."""

from __future__ import annotations

import asyncio
import logging
import weakref

import pytest

from etcd_factory.core.background import CLOSE_TIMEOUT, Closing
from etcd_factory.core.call.client import RENEWALS, Client
from etcd_factory.errors import (
    AuthenticationFailedError,
    Code,
    ConnectionFailedError,
    DeadlineExceededError,
    DuplicateKeyError,
    EtcdError,
    InternalError,
    InvalidAuthTokenError,
    NoSpaceError,
)
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport, replies
from etcd_factory.wire import messages, methods
from tests.support.transports import Altered, Held

A, B, C = HOSTS = ["http://a:1", "http://b:1", "http://c:1"]
READ = methods.RANGE, messages.RangeRequest(key=b"k")
WRITE = methods.PUT, messages.PutRequest(key=b"k", value=b"v")
PASSWORD = {"username": "root", "password": "secret"}
OLD_TOKEN = replies.server_error("etcdserver: invalid auth token")
DIAL = 2.0


def token(text):
    return replies.of("Authenticate", token=text)


def hosts_of(transport):
    return [call.host for call in transport.calls]


async def failure(body):
    """Return the error that a call raises."""
    with pytest.raises(EtcdError) as caught:
        await body
    return caught.value


# --- time and hosts


async def test_a_read_leaves_time_for_other_hosts_and_a_write_takes_all(client_of):
    client, transport = client_of([replies.get(), replies.put()], hosts=HOSTS)
    await client.call(*READ, 6.0)
    await client.call(*WRITE, 6.0)
    assert [call.timeout for call in transport.calls] == [2.0, 6.0]


async def test_a_read_whose_connection_broke_is_retried_at_the_next_host_without_a_pause(client_of, clock):
    client, transport = client_of([replies.lost(), replies.get(revision=7)], hosts=HOSTS)
    reply = await client.call(*READ, 6.0)
    assert (reply.header.revision, hosts_of(transport), clock.slept) == (7, [A, B], [])


async def test_the_host_that_answered_is_used_from_then_on(client_of):
    client, transport = client_of([replies.lost(), replies.get(), replies.get()], hosts=HOSTS)
    await client.call(*READ, 6.0)
    await client.call(*READ, 6.0)
    assert hosts_of(transport) == [A, B, B]
    assert client.endpoint == "b:1"


async def test_a_write_whose_reply_was_lost_is_not_retried_and_may_have_been_applied(client_of):
    client, transport = client_of([replies.lost()], hosts=HOSTS)
    error = await failure(client.call(*WRITE, 6.0))
    assert (error.maybe_applied, error.attempts, len(transport.calls)) == (True, 1, 1)


async def test_a_write_that_never_left_is_resent_to_the_next_host(client_of):
    client, transport = client_of([replies.refused(), replies.put()], hosts=HOSTS)
    await client.call(*WRITE, 6.0)
    assert hosts_of(transport) == [A, B]


async def test_it_pauses_only_once_all_hosts_have_failed(client_of, clock):
    retry = {"initial": 0.5, "maximum": 4}
    steps = [*[replies.lost()] * 5, replies.get()]
    client, transport = client_of(steps, hosts=HOSTS, retry=retry, timeout=60)
    await client.call(*READ, 60.0)
    assert hosts_of(transport)[:3] == HOSTS
    assert clock.slept[0] == 2.0  # the back-off of the third failure in a row
    assert len(clock.slept) < 5


async def test_no_more_attempts_are_made_than_the_options_allow(client_of):
    client, transport = client_of({"Range": replies.lost()}, retry={"attempts": 3})
    error = await failure(client.call(*READ, 60.0))
    assert (error.attempts, len(transport.calls)) == (3, 3)


async def test_a_pause_that_took_too_long_leaves_the_error_before_it_and_no_attempt_without_time(client_of, clock):
    client, transport = client_of([replies.lost("broke"), replies.get()], retry={"initial": 1, "maximum": 1})
    asleep = clock.sleep

    async def sleep(seconds):
        await asleep(seconds + 9)

    clock.sleep = sleep
    error = await failure(client.call(*READ, 5.0))
    assert (type(error), len(transport.calls)) == (ConnectionFailedError, 1)


@pytest.mark.parametrize("timeout", [2.5, 3.001])
async def test_a_pause_that_would_end_at_or_after_the_deadline_is_not_made(client_of, clock, timeout):
    client, transport = client_of({"Range": replies.lost()}, retry={"initial": 1, "maximum": 1, "attempts": 99})
    error = await failure(client.call(*READ, timeout))
    assert (clock.slept, error.attempts, len(transport.calls)) == ([1.0, 1.0], 3, 3)


async def test_all_attempts_share_the_timeout(client_of, clock):
    def late(call):
        clock.time += 1.0
        return replies.lost()

    client, transport = client_of([late, late, replies.get()], hosts=HOSTS)
    await client.call(*READ, 6.0)
    assert [call.timeout for call in transport.calls] == [2.0, 2.5, 4.0]


async def test_a_request_that_never_leaves_is_given_up_when_every_host_had_its_dial_timeout(client_of, clock):
    def refuses(call):
        clock.time += DIAL + 0.1
        return replies.refused()

    client, transport = client_of({"Put": refuses}, hosts=HOSTS, dial_timeout=DIAL, retry={"attempts": 99})
    error = await failure(client.call(*WRITE, 600.0))
    assert (hosts_of(transport), error.sent, error.maybe_applied) == (HOSTS, False, False)
    assert clock.slept == []


async def test_after_a_deadline_the_next_call_goes_to_another_host(client_of):
    client, transport = client_of([replies.NO_REPLY, replies.put()], hosts=HOSTS)
    error = await failure(client.call(*WRITE, 1.0))
    assert isinstance(error, DeadlineExceededError)
    assert error.maybe_applied
    await client.call(*WRITE, 1.0)
    assert hosts_of(transport) == [A, B]


async def test_what_the_server_refuses_is_raised_at_once_and_the_host_is_kept(client_of):
    client, transport = client_of([NoSpaceError("full"), DuplicateKeyError("k"), replies.put()], hosts=HOSTS)
    for kind, maybe_applied in ((NoSpaceError, True), (DuplicateKeyError, False)):
        error = await failure(client.call(*WRITE, 6.0))
        assert (type(error), error.endpoint, error.maybe_applied) == (kind, "a:1", maybe_applied)
    await client.call(*WRITE, 6.0)
    assert hosts_of(transport) == [A, A, A]


@pytest.mark.parametrize(("call", "maybe_applied"), [(WRITE, True), (READ, False)], ids=["write", "read"])
async def test_a_response_that_is_malformed_does_not_say_whether_a_write_was_applied(client_of, call, maybe_applied):
    client, _ = client_of(Altered(ScriptedTransport([replies.put() if call is WRITE else replies.get()]), None, cut))
    error = await failure(client.call(*call, 6.0))
    assert (type(error), error.maybe_applied) == (InternalError, maybe_applied)


def cut(reply):
    return methods.RANGE.decode(None, A)


async def test_a_retry_is_logged_with_its_method_and_host(client_of, caplog):
    caplog.set_level(logging.DEBUG, "etcd_factory.client")
    client, _ = client_of([replies.lost(), replies.get()], hosts=HOSTS)
    await client.call(*READ, 6.0)
    (record,) = caplog.records
    assert "attempt 1 of Range at http://a:1 failed" in record.getMessage()


# --- calls to one host


async def test_a_call_to_one_host_goes_there_only_and_leaves_the_others_alone(client_of):
    client, transport = client_of([replies.lost(), replies.get(revision=7), replies.get()], hosts=HOSTS)
    reply, host = await client.call_endpoint(*READ, 6.0, B)
    assert (reply.header.revision, host, hosts_of(transport)) == (7, B, [B, B])
    await client.call(*READ, 6.0)
    assert hosts_of(transport)[-1] == A


async def test_a_call_to_any_host_returns_the_one_that_answered(client_of):
    client, _ = client_of([replies.lost(), replies.get()], hosts=HOSTS)
    assert (await client.call_endpoint(*READ, 6.0))[1] == B


async def test_what_is_sent_in_place_of_a_unary_call_is_retried_like_it(client_of):
    sent = []

    async def send(host, method, request, timeout, metadata):
        sent.append((host, timeout))
        if len(sent) == 1:
            raise ConnectionFailedError
        return "stream"

    client, _ = client_of([], hosts=HOSTS)
    assert await client.call_endpoint(*READ, 6.0, send=send) == ("stream", B)
    assert sent == [(A, 2.0), (B, 3.0)]


# --- the token


def sent_tokens(transport):
    return [dict(call.metadata).get("token") for call in transport.calls if call.method != "Authenticate"]


async def test_a_token_is_fetched_before_the_first_call_and_used_for_all(client_of):
    client, transport = client_of([token("t"), replies.get(), replies.put()], auth=PASSWORD)
    await client.call(*READ, 6.0)
    await client.call(*WRITE, 6.0)
    assert sent_tokens(transport) == ["t", "t"]
    assert transport.calls[0].metadata == ()


@pytest.mark.parametrize("request_", [READ, WRITE], ids=["read", "write"])
async def test_a_refused_token_is_renewed_and_the_call_retried_at_the_same_host(client_of, clock, request_):
    reply = {"Range": replies.get, "Put": replies.put}[request_[0].name]()
    steps = [token("old"), reply, OLD_TOKEN, token("new"), reply]
    client, transport = client_of(steps, auth=PASSWORD, hosts=HOSTS)
    await client.call(*request_, 6.0)
    await client.call(*request_, 6.0)
    assert (sent_tokens(transport), clock.slept, set(hosts_of(transport))) == (["old", "old", "new"], [], {A})


async def test_a_token_is_renewed_only_so_often_in_one_call(client_of):
    script = {"Authenticate": token("t"), "Put": OLD_TOKEN}
    client, transport = client_of(script, auth=PASSWORD, retry={"attempts": 99})
    error = await failure(client.call(*WRITE, 6.0))
    assert isinstance(error, InvalidAuthTokenError)
    assert (len(sent_tokens(transport)), error.maybe_applied) == (1 + RENEWALS, False)


async def test_wrong_credentials_are_an_error_of_authenticating(client_of):
    client, transport = client_of([AuthenticationFailedError("wrong")], auth=PASSWORD, hosts=HOSTS)
    error = await failure(client.call(*WRITE, 6.0))
    assert (error.operation, error.maybe_applied, len(transport.calls)) == ("authenticate as 'root'", False, 1)
    assert "secret" not in str(error)


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.INTERNAL, Code.UNKNOWN])
async def test_a_write_whose_token_could_not_be_fetched_never_left_and_is_retried(client_of, code):
    lost = EtcdError("broken", code=code)
    client, _ = client_of([lost, token("t"), replies.put(revision=3)], auth=PASSWORD, hosts=HOSTS)
    assert (await client.call(*WRITE, 6.0)).header.revision == 3


async def test_a_call_to_one_host_authenticates_there(client_of):
    client, transport = client_of([token("t"), replies.get()], auth=PASSWORD, hosts=HOSTS)
    await client.call_endpoint(*READ, 6.0, C)
    assert hosts_of(transport) == [C, C]


async def test_concurrent_calls_fetch_one_token():
    held = Held(ScriptedTransport({"Authenticate": token("t"), "Range": replies.get()}), "Authenticate")
    client = Client(held, AsyncioRuntime(), ClientOptions.of({"auth": PASSWORD}))
    held.hold()
    calls = [asyncio.ensure_future(client.call(*READ, 6.0)) for _ in range(5)]
    await held.arrived()
    held.release()
    await asyncio.gather(*calls)
    assert sorted(call.method for call in held.inner.calls) == ["Authenticate", *["Range"] * 5]


# --- the end


class Noted:
    """A worker that notes that it is closed."""

    closing = Closing.WATCHES
    notes: list

    def __init__(self, client):
        pass

    async def close(self):
        self.notes.append("worker")


async def test_the_background_work_is_closed_before_the_connections(client_of):
    client, transport = client_of([])
    notes = Noted.notes = []
    close = transport.close

    async def closing():
        notes.append("transport")
        await close()

    transport.close = closing
    client.background.get(Noted)
    await client.close()
    assert notes == ["worker", "transport"]


def test_a_forked_child_starts_without_connections_and_background_work(client_of):
    client, transport = client_of([])
    lock = client._lock
    kept = client.forget()
    assert lock in kept
    assert client._lock is not lock
    assert client.background.generation == 1
    assert [call.method for call in transport.calls] == []


def test_a_client_that_is_dropped_is_freed_at_once(clock):
    """Without the garbage collector: its connections are closed, and it is warned of."""
    gone = weakref.ref(Client(ScriptedTransport([]), clock, ClientOptions()))
    assert gone() is None


# --- the timeout of authentication


@pytest.mark.parametrize(("bound", "asked"), [(None, [6.0]), (0.5, [0.5]), ("500ms", [0.5]), (60, [6.0])])
async def test_a_request_for_a_token_may_have_a_timeout_of_its_own(client_of, bound, asked):
    auth = {**PASSWORD, "timeout": bound}
    client, transport = client_of({"Authenticate": token("t"), "Put": replies.put()}, auth=auth)
    await client.call(*WRITE, 6.0)
    assert [call.timeout for call in transport.calls if call.method == "Authenticate"] == asked
    assert [call.timeout for call in transport.calls if call.method == "Put"] == [6.0]


async def test_a_host_that_returns_no_token_in_that_time_is_left_for_the_next_one(client_of, clock):
    def hangs(call):
        if call.host == A:
            clock.time += call.timeout
            raise DeadlineExceededError("late", code=Code.DEADLINE_EXCEEDED)
        return replies.of("Authenticate", token="t")

    script = {"Authenticate": hangs, "Put": replies.put()}
    client, transport = client_of(script, hosts=HOSTS, auth={**PASSWORD, "timeout": 0.5})
    await client.call(*WRITE, 6.0)
    assert hosts_of(transport) == [A, B, B]
    assert clock.now() == 0.5


async def test_closing_is_patient_up_to_the_timeout_and_less_while_no_host_answers(client_of):
    client, _ = client_of([replies.refused()], hosts=HOSTS[:1], retry={"attempts": 1}, timeout=3)
    assert client.patience == 3
    with pytest.raises(ConnectionFailedError):
        await client.call(*READ, 1)
    assert client.patience == 1
    assert client_of([], timeout=60)[0].patience == CLOSE_TIMEOUT
