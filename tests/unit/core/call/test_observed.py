"""What hooks learn of calls, and that a client without hooks is as it was."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from etcd_factory import Attempt, Call, errors
from etcd_factory.core.call.client import Client
from etcd_factory.core.call.observed import ObservedClient, code_of, observe
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport, replies
from etcd_factory.wire import messages, methods
from tests.support.faces import failure, settle
from tests.support.transports import Held
from tests.support.views import view_behind

HOSTS = ["http://a:1", "http://b:1"]
READ = methods.RANGE, messages.RangeRequest(key=b"k")
WRITE = methods.PUT, messages.PutRequest(key=b"k", value=b"v")
PASSWORD = {"username": "root", "password": "hidden"}


def shape(call):
    """A call in short."""
    return call.method, call.code, call.error, [(one.endpoint, one.code, one.error) for one in call.attempts]


async def test_a_call_is_told_with_its_only_attempt(client_of, observer):
    client, _ = client_of([replies.get()], hosts=HOSTS)
    observe(client, observer.hook)
    await client.call(*READ, 5.0)
    (call,) = observer.of(Call)
    assert shape(call) == ("Range", "OK", None, [("a:1", "OK", None)])
    assert (call.service, call.key, call.retries) == ("KV", b"k", 0)


async def test_a_call_is_told_with_all_its_attempts_and_their_times(client_of, clock, observer):
    client, _ = client_of([replies.lost(), replies.lost(), replies.get()], hosts=HOSTS)
    observe(client, observer.hook)
    await client.call(*READ, 6.0)
    (call,) = observer.of(Call)
    lost = ("UNAVAILABLE", errors.ConnectionFailedError)
    assert shape(call) == ("Range", "OK", None, [("a:1", *lost), ("b:1", *lost), ("b:1", "OK", None)])
    assert call.retries == 2
    assert [one.start for one in call.attempts] == [0.0, 0.0, clock.slept[0]]
    assert call.duration == pytest.approx(clock.slept[0])


async def test_a_call_that_fails_is_told_with_its_error(client_of, observer):
    client, _ = client_of([replies.lost()], hosts=HOSTS)
    observe(client, observer.hook)
    await failure(lambda: client.call(*WRITE, 6.0))
    (call,) = observer.of(Call)
    lost = ("UNAVAILABLE", errors.ConnectionFailedError)
    assert shape(call) == ("Put", *lost, [("a:1", *lost)])


async def test_calls_of_one_host_are_told_with_it(client_of, observer):
    client, _ = client_of([replies.of("Status")], hosts=HOSTS)
    observe(client, observer.hook)
    await client.call_endpoint(methods.STATUS, messages.StatusRequest(), 5.0, "http://b:1")
    assert [call.endpoint for call in observer.of(Call)] == ["b:1"]


async def test_a_request_for_a_token_is_a_call_and_shows_no_password(client_of, observer):
    client, _ = client_of(
        {"Authenticate": replies.of("Authenticate", token="t0"), "Range": replies.get()}, auth=PASSWORD
    )
    observe(client, observer.hook)
    await client.call(*READ, 5.0)
    assert [call.method for call in observer.of(Call)] == ["Authenticate", "Range"]
    assert observer.of(Call)[0].key is None
    assert "hidden" not in repr(observer.calls)
    assert "t0" not in repr(observer.calls)


async def test_services_that_were_made_before_are_observed_too(connect, observer):
    client, _ = connect([replies.get(), replies.put()])
    part, get = client.namespace("a/"), client.get("k")
    client.on_call(observer.hook)
    await settle(get.string())
    await settle(part.put("k").value("v"))
    assert [(call.method, call.key) for call in observer.of(Call)] == [("Range", b"k"), ("Put", b"a/k")]


async def test_merged_calls_are_one_call(connect, observer):
    client, _ = connect([replies.get()], batching="reads")
    client.on_call(observer.hook)
    await settle(client.get("k").string())
    assert [call.method for call in observer.of(Call)] == ["Range"]


async def test_a_cancelled_call_is_told(connect, face, observer):
    if face.name != "asyncio":
        pytest.skip("no thread can be cancelled")
    held = Held(ScriptedTransport([replies.get()]))
    held.hold()
    client, _ = connect(held)
    client.on_call(observer.hook)
    task = asyncio.ensure_future(client.get("k").string())
    await held.arrived()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (call,) = observer.of(Call)
    assert (call.code, call.error, len(call.attempts)) == ("CANCELLED", asyncio.CancelledError, 1)


async def test_hooks_are_called_until_they_are_ended_and_then_the_client_is_as_it_was(connect, observer):
    client, _ = connect([replies.get(), replies.get(), replies.get()])
    core, seen = view_behind(client).client, []
    assert type(core) is Client
    end, end_other = client.on_call(observer.hook), client.on_call(seen.append)
    assert type(core) is ObservedClient
    await settle(client.get("k").string())
    end()
    await settle(client.get("k").string())
    end_other()
    end()
    await settle(client.get("k").string())
    assert (len(observer.calls), len(seen), type(core)) == (1, 2, Client)


async def test_a_hook_that_raises_changes_nothing(connect, caplog):
    client, _ = connect([replies.get({"k": "v"})])
    client.on_call(lambda activity: 1 / 0)
    assert await settle(client.get("k").string()) == "v"
    assert "a hook of on_call failed" in caplog.text


async def test_what_ends_a_hook_does_not_keep_the_client_alive(clock):
    client = Client(ScriptedTransport([]), clock, ClientOptions())
    one, end = weakref.ref(client), observe(client, print)
    await client.close()
    del client
    gc.collect()
    assert one() is None
    end()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, "OK"),
        (errors.NoLeaderError(), "UNAVAILABLE"),
        (ValueError(), "UNKNOWN"),
        (KeyboardInterrupt(), "CANCELLED"),
    ],
)
def test_every_end_has_a_status(error, code):
    assert code_of(error) == code


def test_an_attempt_that_succeeded_has_no_error():
    assert (Attempt("a:1", 0.0, 0.1).code, Attempt("a:1", 0.0, 0.1).error) == ("OK", None)
