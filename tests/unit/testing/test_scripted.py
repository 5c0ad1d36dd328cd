"""Clients of both faces on a transport that plays a script."""

import asyncio
import doctest
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from etcd_factory import AsyncETCDService, ETCDService, errors, ops
from etcd_factory.core.face import finish
from etcd_factory.testing import ScriptedTransport, ScriptError, StreamScript, replies, script, scripted
from etcd_factory.testing import scripted_stream as stream_module
from etcd_factory.wire import messages, methods
from tests.support.faces import closed, settle

HOST = "http://127.0.0.1:2379"
BOUND = 10  # seconds that nothing here takes
LATER = {"retry": {"initial": 0.001, "maximum": 0.001}}


@pytest.fixture(params=[ETCDService, AsyncETCDService])
async def connect(request, fixed_random):
    """A function that makes a client on a script."""
    clients = []

    def make(transport, **options):
        clients.append(request.param({**LATER, **options}, transport=transport))
        return clients[-1]

    yield make
    for client in clients:
        await closed(client)


async def taken(watcher, count):
    """The next events of a watcher."""
    is_async = hasattr(type(watcher), "__anext__")
    events = [await anext(watcher) if is_async else next(watcher) for _ in range(count)]
    return [(event.type, event.kv.text, event.revision) for event in events]


# --- calls


async def test_steps_answer_calls_in_order(connect):
    transport = ScriptedTransport([replies.get({"k": "v"}), replies.put(revision=7), replies.delete(3)])
    client = connect(transport)
    assert await settle(client.get("k").string()) == "v"
    assert (await settle(client.put("k").value("w"))).revision == 7
    assert (await settle(client.delete().prefix("k"))).deleted == 3
    transport.done()


async def test_calls_are_recorded(connect):
    transport = ScriptedTransport([replies.put()])
    await settle(connect(transport, namespace="ns/").with_options(timeout=3).put("k").value("v"))
    (call,) = transport.calls
    assert (call.host, call.service, call.method, call.timeout, call.metadata) == (HOST, "KV", "Put", 3, ())
    assert call.request == messages.PutRequest(key=b"ns/k", value=b"v")


async def test_a_transaction_reads_its_replies(connect):
    results = replies.txn(replies.get({"a": "1"}), replies.put(revision=5), revision=5)
    client = connect(ScriptedTransport([results]))
    done = await settle(client.txn().then(ops.get("a"), ops.put("b").value("2")).commit())
    assert done.results[0].kvs[0].text == "1"
    assert done.results[1].revision == 5


async def test_a_mapping_answers_calls_in_any_order(connect):
    transport = ScriptedTransport({"Range": replies.get({"k": "v"}), "Put": [replies.put()]})
    client = connect(transport)
    assert await settle(client.get("k").string()) == "v"
    await settle(client.put("k").value("w"))
    assert await settle(client.get("k").string()) == "v"
    transport.done()


async def test_a_token_is_shown_with_calls(connect):
    transport = ScriptedTransport({"Authenticate": replies.of("Authenticate", token="t"), "Range": replies.get()})
    client = connect(transport, auth={"username": "alice", "password": "wonder"})
    await settle(client.get("k").string())
    login, read = transport.calls
    assert (login.method, login.metadata, read.metadata) == ("Authenticate", (), (("token", "t"),))
    assert "wonder" not in repr(transport.calls)


# --- failures


async def test_a_refused_write_is_retried_on_the_next_host(connect):
    transport = ScriptedTransport([replies.refused(), replies.put()])
    # a host that failed is passed over for "initial" seconds; the other one is called at once
    client = connect(transport, hosts=["a:1", "b:2"], retry={"initial": 5, "maximum": 5})
    await settle(client.put("k").value("v"))
    assert [call.host for call in transport.calls] == ["http://a:1", "http://b:2"]


async def test_a_lost_write_is_not_retried_and_may_have_been_applied(connect):
    transport = ScriptedTransport([replies.lost()])
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await settle(connect(transport).put("k").value("v"))
    assert (caught.value.maybe_applied, caught.value.endpoint) == (True, "127.0.0.1:2379")
    transport.done()


async def test_a_lost_read_is_retried(connect):
    transport = ScriptedTransport([replies.lost(), replies.get({"k": "v"})])
    assert await settle(connect(transport).get("k").string()) == "v"


async def test_no_reply_ends_with_the_deadline_without_waiting(connect):
    start = time.monotonic()
    with pytest.raises(errors.DeadlineExceededError, match="no reply within 600 s") as caught:
        await settle(connect(ScriptedTransport([replies.NO_REPLY]), timeout=600).put("k").value("v"))
    assert caught.value.maybe_applied
    assert time.monotonic() - start < BOUND


async def test_a_delay_passes_only_longer_timeouts(connect):
    transport = ScriptedTransport({"Range": replies.delayed(60, replies.get({"k": "v"}))})
    client = connect(transport)
    assert await settle(client.with_options(timeout=61).get("k").string()) == "v"
    with pytest.raises(errors.DeadlineExceededError):
        await settle(client.with_options(timeout=59).get("k").string())


async def test_each_failed_call_has_its_own_error(connect):
    client = connect(ScriptedTransport({"Range": errors.PermissionDeniedError("no"), "Put": errors.NoSpaceError}))
    failed = []
    for key in "ab":
        with pytest.raises(errors.PermissionDeniedError) as caught:
            await settle(client.get(key).string())
        failed.append(caught.value.operation)
    assert failed == ["get b'a'", "get b'b'"]
    with pytest.raises(errors.NoSpaceError):
        await settle(client.put("k").value("v"))


# --- functions


async def test_a_function_answers_by_the_call(connect):
    def echo(call):
        return replies.get({call.request.key: call.request.key.upper()})

    client = connect(ScriptedTransport({"Range": echo}))
    assert [await settle(client.get(key).string()) for key in "ab"] == ["A", "B"]


async def test_a_function_may_raise_or_return_an_error(connect):
    def refuse(call):
        raise errors.NoSpaceError("of the function")

    client = connect(ScriptedTransport([refuse, lambda call: errors.NoSpaceError("of the result")]))
    for text in ("of the function", "of the result"):
        with pytest.raises(errors.NoSpaceError, match=text):
            await settle(client.put("k").value("v"))


@pytest.mark.parametrize("result", [None, replies.put(), "v"])
async def test_a_function_that_returns_no_answer_fails_the_test(connect, result):
    with pytest.raises(ScriptError, match=r"unexpected call 1: <Call KV.Range .* cannot answer it"):
        await settle(connect(ScriptedTransport([lambda call: result])).get("k").string())


# --- what the script does not say


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "no step for it; left: nothing"),
        ([replies.get()], "the next step is RangeResponse; left: RangeResponse"),
        ([replies.watch()], "the next step is <WatchScript: no parts left>; left: "),
        ({"Put": []}, "no step for it; left: nothing"),
    ],
)
async def test_an_unexpected_call_fails_the_test_at_once(connect, steps, problem):
    transport = ScriptedTransport(steps)
    with pytest.raises(ScriptError) as caught:
        await settle(connect(transport).put("k").value("v"))
    assert str(caught.value).startswith(f"unexpected call 1: <Call KV.Put key=b'k' value=b'v' at {HOST}, timeout 5 s>")
    assert problem in str(caught.value)
    assert len(transport.calls) == 1


async def test_an_unexpected_call_that_was_swallowed_is_reported_at_the_end(connect):
    transport = ScriptedTransport([])
    assert not (await settle(connect(transport).health())).ok
    with pytest.raises(ScriptError, match=r"unexpected call 1: <Call KV.Range"):
        transport.done()


async def test_an_unexpected_watch_is_reported_by_its_creation(connect):
    transport = ScriptedTransport([])
    client = connect(transport, timeout=0.05)
    with pytest.raises(ScriptError, match=r"unexpected call 1: <Call Watch.Watch"):
        await settle(client.watch().key("k").create())
    await closed(client)
    with pytest.raises(ScriptError, match=r"unexpected call 1: <Call Watch.Watch"):
        transport.done()


def test_unused_steps_are_reported_at_the_end():
    with pytest.raises(ScriptError, match="not used up; left: PutResponse, NO_REPLY"):
        ScriptedTransport([replies.put(), replies.NO_REPLY]).done()
    with pytest.raises(ScriptError, match="left: PutResponse"), ScriptedTransport([replies.put()]):
        pass
    ScriptedTransport({"Put": replies.put(), "Watch": replies.watch()}).done()


def test_parts_that_were_not_received_are_reported_at_the_end():
    with pytest.raises(ScriptError, match="left: WatchResponse, END"):
        ScriptedTransport({"Watch": replies.watch(replies.progress(), replies.END)}).done()


def test_the_with_block_does_not_hide_an_error():
    with pytest.raises(KeyError), ScriptedTransport([replies.put()]):
        raise KeyError


# --- watches and leases


async def test_a_watch_receives_events_and_resumes_after_a_break(connect):
    first = replies.put_event("k", "1"), replies.lost()
    watch = replies.watch(*first, replies.put_event("k", "2"), replies.delete_event("k"))
    transport = ScriptedTransport({"Watch": watch})
    watcher = await settle(connect(transport).watch().key("k").create())
    assert await taken(watcher, 3) == [("put", "1", 2), ("put", "2", 3), ("delete", "", 4)]
    assert [call.sent[0].create_request.start_revision for call in transport.calls] == [0, 3]
    transport.done()


async def test_each_connection_of_a_watch_may_have_its_own_step(connect):
    broken = replies.watch(replies.put_event("k", "1"), replies.END)
    transport = ScriptedTransport([broken, replies.refused(), replies.watch(replies.put_event("k", "2"))])
    watcher = await settle(connect(transport).watch().key("k").create())
    assert await taken(watcher, 2) == [("put", "1", 2), ("put", "2", 3)]
    transport.done()


async def test_events_are_pushed_when_the_test_wants_them(connect):
    watch = replies.watch()
    watcher = await settle(connect(ScriptedTransport({"Watch": watch})).watch().key("k").create())
    watch.push(replies.put_event("k", "1"))
    assert await taken(watcher, 1) == [("put", "1", 2)]
    watch.push(replies.events(replies.put_event("k", "2"), replies.put_event("k", "3")))
    assert await taken(watcher, 2) == [("put", "2", 3), ("put", "3", 3)]
    await settle(watcher.cancel())


async def test_a_watch_is_ended_by_the_server(connect):
    watch = replies.watch(replies.canceled(compact_revision=5))
    watcher = await settle(connect(ScriptedTransport({"Watch": watch})).watch().key("k").create())
    with pytest.raises(errors.CompactedError) as caught:
        await taken(watcher, 1)
    assert caught.value.compact_revision == 5


async def test_a_lease_is_lost_when_a_renewal_says_so(connect):
    script = {"LeaseGrant": replies.lease(7, 1), "LeaseKeepAlive": replies.keep_alive(0), "Put": replies.put()}
    lease = connect(ScriptedTransport(script)).lease(1)
    lost = threading.Event()
    lease.on("lost", lambda *_: lost.set())
    assert await settle(lease.grant()) == 7
    assert await asyncio.to_thread(lost.wait, BOUND)
    assert not lease.alive


async def test_closing_the_client_ends_its_streams(connect):
    watch = replies.watch()
    client = connect(ScriptedTransport({"Watch": watch}))
    watcher = await settle(client.watch().key("k").create())
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await taken(watcher, 1)
    with pytest.raises(errors.ClientClosedError):
        await settle(client.get("k").string())


# --- asyncio and threads


async def test_a_coroutine_function_answers_when_it_returns():
    arrived, answered = asyncio.Event(), asyncio.Event()

    async def held(call):
        arrived.set()
        await answered.wait()
        return replies.get({"k": "v"})

    async with AsyncETCDService(transport=ScriptedTransport([held])) as client:
        reading = asyncio.ensure_future(client.get("k").string())
        await asyncio.wait_for(arrived.wait(), BOUND)
        answered.set()
        assert await reading == "v"


async def test_a_coroutine_function_has_the_timeout_of_its_call():
    ended = asyncio.Event()

    async def never(call):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with AsyncETCDService({"timeout": 0.01}, transport=ScriptedTransport([never])) as client:
        with pytest.raises(errors.DeadlineExceededError, match=r"no reply within 0\.01 s"):
            await client.get("k").string()
        await asyncio.wait_for(ended.wait(), BOUND)


def test_many_threads_share_a_transport():
    transport = ScriptedTransport([replies.put(revision=number) for number in range(200)])
    with transport, ETCDService(transport=transport) as client, ThreadPoolExecutor(8) as pool:
        put = pool.map(lambda number: client.put(f"k{number}").value("v").revision, range(200))
        assert sorted(put) == list(range(200))


# --- the transport by itself


def test_replies_are_copies():
    found = replies.get({"k": "v"})
    transport = ScriptedTransport({"Range": found})
    for _ in range(2):
        reply = finish(transport.unary(HOST, methods.RANGE, messages.RangeRequest(key=b"k"), 1.0, ()))
        assert reply == found
        reply.kvs[0].value = b"changed"


async def test_a_closed_transport_ends_streams_and_refuses_calls():
    transport = ScriptedTransport({"Watch": StreamScript()})
    stream = await transport.stream(HOST, methods.WATCH, ())
    receiver = asyncio.ensure_future(stream.receive())
    await asyncio.sleep(0)
    await transport.close()
    with pytest.raises(errors.ClientClosedError):
        await asyncio.wait_for(receiver, BOUND)
    with pytest.raises(errors.ClientClosedError):
        await transport.unary(HOST, methods.PUT, messages.PutRequest(), 1.0, ())
    assert len(transport.calls) == 1


async def test_a_stream_that_fails_does_so_at_its_first_message():
    transport = ScriptedTransport([replies.refused(), replies.NO_REPLY])
    stream = await transport.stream(HOST, methods.SNAPSHOT, (), messages.SnapshotRequest())
    with pytest.raises(errors.ConnectionFailedError) as caught:
        await stream.receive()
    assert (caught.value.sent, caught.value.endpoint) == (False, "127.0.0.1:2379")
    silent = await transport.stream(HOST, methods.SNAPSHOT, (), messages.SnapshotRequest())
    receiver = asyncio.ensure_future(silent.receive())
    await asyncio.sleep(0)
    assert not receiver.done()
    await silent.close()
    assert await receiver is None


def test_a_forked_child_has_its_own_lock():
    transport = ScriptedTransport([replies.put()])
    lock = transport.forget()
    with lock:
        finish(transport.unary(HOST, methods.PUT, messages.PutRequest(), 1.0, ()))


def test_it_shows_its_calls_and_what_is_left():
    transport = ScriptedTransport([replies.put(), replies.refused()])
    finish(transport.unary(HOST, methods.PUT, messages.PutRequest(), 1.0, ()))
    assert repr(transport) == "<ScriptedTransport: 1 calls, left: ConnectionFailedError('connection refused')>"


@pytest.mark.parametrize("module", [scripted, script, stream_module, replies])
def test_the_examples_run(module):
    failed, _ = doctest.testmod(module)
    assert failed == 0


@pytest.mark.parametrize("script", [replies.put(), lambda call: replies.put()], ids=["reply", "function"])
async def test_a_step_in_place_of_the_script_answers_every_call(connect, script):
    client = connect(transport := ScriptedTransport(script))
    for _ in range(2):
        await settle(client.put("k").value("v"))
    transport.done()


def test_an_async_step_needs_an_asyncio_client():
    async def step(call):
        raise AssertionError

    with (
        ETCDService(transport=ScriptedTransport([step])) as client,
        pytest.raises(TypeError, match=r"^an async step needs an AsyncETCDService"),
    ):
        client.get("k").string()


def test_a_class_of_errors_that_needs_arguments_is_refused():
    with pytest.raises(TypeError, match=r"^pass an instance of UnicodeDecodeError, which needs arguments"):
        ScriptedTransport([UnicodeDecodeError])


async def test_an_event_for_a_watch_that_there_is_not_is_warned_of(connect, caplog):
    watch = replies.watch(replies.put_event("k", "v", watch=9))
    client = connect(ScriptedTransport({"Watch": watch}))
    await settle(client.watch().create())
    assert watch.take() is watch.take() is None
    found = [one.getMessage() for one in caplog.records if one.name == "etcd_factory.testing"]
    assert found == ["a message for watch 9 waits, and all that follow: the watches so far are 1"]
