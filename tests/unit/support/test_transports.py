"""The transports that tests put around others, on threads and on asyncio."""

import asyncio

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import ConnectionFailedError, NoSpaceError
from etcd_factory.testing import ScriptedTransport, StreamScript, replies
from etcd_factory.wire import messages, methods
from tests.support.faces import FACES, closed, settle
from tests.support.transports import Altered, Breaking, Failing, Held, Recorded, Wrapped, real

HOST = "http://127.0.0.1:2379"
BOUND = 10  # seconds that nothing here takes

PUT, RANGE = (methods.PUT, messages.PutRequest(key=b"k")), (methods.RANGE, messages.RangeRequest(key=b"k"))


class Threads:
    """Calls that block a thread each."""

    def begin(self, body):
        return asyncio.ensure_future(asyncio.to_thread(finish, body))


class Tasks:
    """Calls that are tasks."""

    def begin(self, body):
        return asyncio.ensure_future(body)


@pytest.fixture(params=[Threads, Tasks])
def side(request):
    return request.param()


@pytest.fixture
def script():
    """A transport that answers every call; each stream sends three messages."""
    watches = [StreamScript(*[replies.progress(number) for number in (1, 2, 3)]) for _ in range(3)]
    return ScriptedTransport({"Range": replies.get({"k": "v"}), "Put": replies.put(revision=7), "Watch": watches})


@pytest.fixture
def call(side):
    """Begins a call on a transport."""

    def begin(transport, method=PUT, timeout=5.0):
        return side.begin(transport.unary(HOST, *method, timeout, ()))

    return begin


@pytest.fixture
def watch():
    """Opens a stream on which the client has sent one message."""

    async def open_one(transport):
        stream = await transport.stream(HOST, methods.WATCH, ())
        stream.send(messages.WatchRequest())
        return stream

    return open_one


async def revisions(side, stream, count):
    """The revisions of the next messages."""
    found = [await side.begin(stream.receive()) for _ in range(count)]
    return [message and message.header.revision for message in found]


WRAPPERS = [
    Wrapped,
    Recorded,
    Held,
    lambda inner: Failing(inner, "Txn"),
    lambda inner: Breaking(inner, "Snapshot"),
    lambda inner: Altered(inner, "Txn", lambda reply: None),
]


@pytest.mark.parametrize("wrap", WRAPPERS)
async def test_calls_and_streams_that_are_not_selected_pass(side, call, watch, script, wrap):
    transport = wrap(script)
    assert (await call(transport)).header.revision == 7
    assert await revisions(side, await watch(transport), 3) == [1, 2, 3]
    assert [one.method for one in script.calls] == ["Put", "Watch"]
    assert script.calls[1].sent == [messages.WatchRequest()]
    assert wrap(script).forget() is not None


@pytest.mark.parametrize("wrap", WRAPPERS)
async def test_closing_closes_the_inner_transport_and_its_streams(side, watch, script, wrap):
    transport = wrap(script)
    stream = await watch(transport)
    await stream.close()
    assert await revisions(side, stream, 1) == [None]
    await transport.close()
    assert "closed" in str(await failure(side.begin(transport.unary(HOST, *PUT, 5.0, ()))))


async def failure(begun):
    """The error of a call."""
    (error,) = await asyncio.gather(begun, return_exceptions=True)
    assert isinstance(error, Exception), error
    return error


@pytest.mark.parametrize(
    ("which", "method", "is_selected"),
    [
        (None, PUT, True),
        ("Put", PUT, True),
        ("Put", RANGE, False),
        (methods.PUT, PUT, True),
        (methods.TXN, (methods.Method("KV", "Txn", repeatable=True), messages.TxnRequest()), False),
        (lambda call: call.request.key == b"k", RANGE, True),
        (lambda call: call.timeout > 5, PUT, False),
    ],
)
async def test_calls_are_selected_by_name_method_or_function(call, which, method, is_selected):
    script = ScriptedTransport({"Put": replies.put(), "Range": replies.get(), "Txn": replies.txn()})
    recorded = Recorded(script, which)
    await call(recorded, method)
    assert len(recorded.calls) == is_selected


# --- Recorded


async def test_calls_and_replies_are_recorded(call, script):
    recorded = Recorded(script)
    await call(recorded, timeout=3.0)
    await call(recorded, RANGE)
    assert recorded.names() == ["Put", "Range"]
    assert recorded.requests("Range") == [RANGE[1]]
    assert recorded.calls[0].timeout == 3.0
    ((put, reply), _) = recorded.replies
    assert (put.method, reply.header.revision) == ("Put", 7)


async def test_an_error_is_recorded_and_raised(call):
    recorded = Recorded(ScriptedTransport([NoSpaceError("full")]))
    assert isinstance(await failure(call(recorded)), NoSpaceError)
    assert isinstance(recorded.replies[0][1], NoSpaceError)


async def test_messages_of_streams_are_recorded(side, watch, script):
    recorded = Recorded(script)
    await revisions(side, await watch(recorded), 2)
    (stream,) = recorded.streams
    assert (stream.call.method, stream.sent) == ("Watch", [messages.WatchRequest()])
    assert [message.header.revision for message in stream.received] == [1, 2]


async def test_a_recorded_call_can_be_waited_for(call, script):
    recorded = Recorded(script)
    waiting = asyncio.ensure_future(recorded.until(lambda: recorded.names() == ["Put"]))
    await asyncio.sleep(0)
    assert not waiting.done()
    await call(recorded)
    await asyncio.wait_for(waiting, BOUND)


# --- Held


async def test_a_held_call_is_sent_when_it_is_released(call, script):
    held = Held(script, "Put")
    held.hold()
    begun = call(held)
    await held.arrived()
    assert (script.calls, begun.done()) == ([], False)
    held.release()
    assert (await asyncio.wait_for(begun, BOUND)).header.revision == 7


async def test_a_held_reply_has_been_answered(call, script):
    held = Held(script, "Put", replies=True)
    held.hold()
    begun = call(held)
    await held.arrived()
    assert (len(script.calls), begun.done()) == (1, False)
    held.release()
    await asyncio.wait_for(begun, BOUND)


async def test_a_held_error_is_raised_when_it_is_released(call):
    held = Held(ScriptedTransport([NoSpaceError("full")]), replies=True)
    held.hold()
    begun = call(held)
    await held.arrived()
    held.release()
    assert isinstance(await failure(begun), NoSpaceError)


async def test_only_so_many_calls_are_held(call, script):
    held = Held(script)
    held.hold(1)
    first = call(held)
    await held.arrived()
    await asyncio.wait_for(call(held), BOUND)
    assert not first.done()
    held.release()
    await asyncio.wait_for(first, BOUND)
    await asyncio.wait_for(call(held), BOUND)


async def test_calls_that_pass_arrive_too(call, script):
    held = Held(script)
    await call(held)
    await call(held)
    await held.arrived()
    await held.arrived()


async def test_many_held_calls_are_released_together(call, script):
    held = Held(script)
    held.hold()
    begun = [call(held) for _ in range(5)]
    for _ in begun:
        await held.arrived()
    held.release()
    assert len(await asyncio.wait_for(asyncio.gather(*begun), BOUND)) == 5


async def test_messages_of_a_held_stream_wait(side, watch, script):
    held = Held(script, "Watch")
    stream = await watch(held)
    assert await revisions(side, stream, 1) == [1]
    await held.arrived()
    held.hold()
    receiver = side.begin(stream.receive())
    await held.arrived()
    assert not receiver.done()
    held.release()
    assert (await asyncio.wait_for(receiver, BOUND)).header.revision == 2


@pytest.mark.parametrize("what", ["stream", "transport"])
async def test_closing_ends_the_wait_of_a_held_stream(side, watch, script, what):
    held = Held(script)
    stream = await watch(held)
    held.hold()
    receiver = side.begin(stream.receive())
    await held.arrived()
    await {"stream": stream, "transport": held}[what].close()
    await asyncio.wait_for(receiver, BOUND)


# --- Failing, Breaking, Altered


async def test_a_failing_call_is_not_sent(call, script):
    failing = Failing(script, "Put", nth=2)
    await call(failing)
    error = await failure(call(failing))
    assert isinstance(error, ConnectionFailedError)
    assert (error.sent, failing.failed, len(script.calls)) == (False, 1, 1)
    await call(failing)


async def test_a_failing_reply_is_lost_after_the_call_was_answered(call, script):
    failing = Failing(script, after=True)
    error = await failure(call(failing))
    assert (error.sent, failing.reply.header.revision, len(script.calls)) == (True, 7, 1)


async def test_several_calls_fail_with_the_error_of_the_test(call, script):
    error = NoSpaceError("full")
    failing = Failing(script, None, error, times=2)
    assert [await failure(call(failing)) for _ in range(2)] == [error, error]
    await call(failing)


async def test_something_happens_between_the_reply_and_its_loss(call, script):
    seen = []

    async def meanwhile():
        seen.append(len(script.calls))

    for one in (lambda: seen.append(len(script.calls)), meanwhile):
        await failure(call(Failing(script, after=True, meanwhile=one)))
    assert seen == [1, 2]


async def test_a_stream_breaks_after_some_messages_and_the_next_one_does_not(side, watch, script):
    breaking = Breaking(script, "Watch", messages=2)
    stream = await watch(breaking)
    assert await revisions(side, stream, 2) == [1, 2]
    assert (await failure(side.begin(stream.receive()))).sent
    assert await revisions(side, await watch(breaking), 3) == [1, 2, 3]
    assert breaking.opened_streams == 2


async def test_replies_and_messages_are_changed(side, call, watch, script):
    def change(reply):
        reply.header.revision += 10
        return reply

    altered = Altered(script, None, change)
    assert (await call(altered)).header.revision == 17
    assert await revisions(side, await watch(altered), 2) == [11, 12]


async def test_a_change_may_raise(call, script):
    def refuse(reply):
        raise NoSpaceError("full")

    assert isinstance(await failure(call(Altered(script, "Put", refuse))), NoSpaceError)


# --- with a real server


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
async def connect(face, etcd_options):
    """A function that makes a client whose real transport is wrapped."""
    clients = []

    def make(wrap):
        transport = wrap(real(face, etcd_options))
        clients.append(face.service(etcd_options, transport=transport))
        return clients[-1], transport

    yield make
    for client in clients:
        await closed(client)


async def test_a_client_writes_through_a_wrapped_transport(connect, etcd_namespace):
    client, recorded = connect(Recorded)
    await settle(client.put("k").value("v"))
    assert await settle(client.get("k").string()) == "v"
    assert recorded.requests("Put") == [messages.PutRequest(key=f"{etcd_namespace}k".encode(), value=b"v")]


async def test_a_held_put_of_a_client_is_applied_when_it_is_released(face, connect, etcd):
    client, held = connect(lambda inner: Held(inner, methods.PUT))
    held.hold()
    putting = face.begin(lambda: client.put("k").value("v"))
    await held.arrived()
    assert etcd.get("k").string() is None
    held.release()
    await asyncio.wait_for(putting, BOUND)
    assert etcd.get("k").string() == "v"


async def test_a_put_whose_reply_is_lost_is_applied_and_not_repeated(connect, etcd):
    client, failing = connect(lambda inner: Failing(inner, "Put", after=True))
    with pytest.raises(ConnectionFailedError) as caught:
        await settle(client.put("k").value("v"))
    assert (caught.value.maybe_applied, failing.failed) == (True, 1)
    assert etcd.get("k").kv().version == 1


async def test_a_watch_resumes_when_its_stream_is_broken(connect, etcd):
    client, breaking = connect(lambda inner: Breaking(inner, "Watch", messages=1))
    watcher = await settle(client.watch().key("k").create())
    etcd.put("k").value("v")
    is_async = hasattr(type(watcher), "__anext__")
    event = await anext(watcher) if is_async else await asyncio.to_thread(next, watcher)
    assert (event.kv.text, breaking.opened_streams) == ("v", 2)
