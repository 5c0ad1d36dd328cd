"""What both transports do alike, against a scripted server: calls, streams, and how connections end under them."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from etcd_factory.errors import (
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    InternalError,
)
from etcd_factory.io.http2 import asyncio as asyncio_driver
from etcd_factory.io.http2 import keepalive, threads
from etcd_factory.io.http2.flow import STREAM_WINDOW
from etcd_factory.wire import messages, methods
from tests.support.h2_server import BOUND, answering, refusing, silent
from tests.support.http2 import data, frame, goaway, headers, message, ping, reset, trailers

aside = asyncio.to_thread
SHORT = 0.2  # seconds, of calls that are not answered
WARY = {"time": 1e-6, "timeout": BOUND}  # a connection is asked before each use
CALLS = 5
LARGE = 700_000


@pytest.fixture
def looks(monkeypatch):
    """Connections are looked at before each use, however soon that is."""
    for module in (asyncio_driver, threads):
        monkeypatch.setattr(module, "UNREAD", 0.0)


def read(transport, server, timeout=BOUND):
    return transport.unary(server.url, methods.RANGE, messages.RangeRequest(key=b"k"), timeout, ())


def watch(transport, server, request=None):
    return transport.stream(server.url, methods.WATCH, (), request)


def unanswered(wire):
    """Answer PINGs, and nothing else."""
    answering(wire, lambda wire, stream: None)


def counted(number):
    """A response that can be told from others."""
    return messages.RangeResponse(count=number).SerializeToString()


async def failure(body, kind=EtcdError):
    with pytest.raises(kind) as caught:
        await body
    return caught.value


async def begun(server):
    """The next connection, with the server's first frame said."""
    return (await aside(server.wire)).establish()


# --- calls


async def test_calls_of_one_client_use_one_connection_and_each_gets_its_own_answer(connect, run, serve):
    server, transport = serve(), connect()
    calls = [run(read(transport, server)) for _ in range(CALLS)]
    wire = await begun(server)
    for stream in reversed(await aside(wire.requests, CALLS)):
        wire.say(headers(stream), data(stream, message(counted(stream))), trailers(stream))
    assert sorted([reply.count for reply in await asyncio.gather(*calls)]) == [1, 3, 5, 7, 9]
    assert len(server.wires) == 1


async def test_a_call_that_is_not_answered_ends_at_its_deadline_and_alone(connect, run, serve):
    server, transport = serve(), connect()
    other = run(read(transport, server))
    wire = await begun(server)
    (first,) = await aside(wire.requests, 1)
    error = await failure(run(read(transport, server, SHORT)))
    assert (type(error), error.sent, error.endpoint) == (DeadlineExceededError, True, server.endpoint)
    assert (await aside(wire.until, "RST_STREAM")).stream_id == first + 2
    wire.answer(first)
    await other


async def test_of_many_deadlines_each_is_kept_in_its_order(connect, run, serve):
    server, transport, ended = serve(unanswered), connect(), []
    calls = {seconds: run(read(transport, server, seconds)) for seconds in (3 * SHORT, SHORT, 2 * SHORT, BOUND)}
    for seconds, call in calls.items():
        call.add_done_callback(lambda _, seconds=seconds: ended.append(seconds))
    late = calls.pop(BOUND)
    errors = await asyncio.gather(*calls.values(), return_exceptions=True)
    assert {type(error) for error in errors} == {DeadlineExceededError}
    assert ended == sorted(calls)
    await run(transport.close())
    await failure(late, ClientClosedError)


async def test_calls_beyond_what_the_server_allows_wait_in_turn_and_within_their_deadlines(connect, run, serve):
    server, transport = serve(), connect()
    first = run(read(transport, server))
    wire = (await aside(server.wire)).establish((3, 1))
    stream = await aside(wire.request)
    second = run(read(transport, server))
    error = await failure(run(read(transport, server, SHORT)))
    assert (type(error), error.sent) == (DeadlineExceededError, False)
    wire.answer(stream)
    wire.answer(await aside(wire.request))
    await asyncio.gather(first, second)


async def test_an_answer_that_is_no_message_is_an_error_that_says_so(connect, run, serve):
    def nothing(wire, stream):
        wire.say(headers(stream), trailers(stream))

    server = serve(partial(answering, answer=nothing))
    error = await failure(run(read(connect(), server)), InternalError)
    assert "no message" in str(error)


# --- ends of a connection


async def test_calls_above_the_last_stream_of_a_goaway_go_to_a_new_connection_at_once(connect, run, serve):
    server, transport = serve(), connect()
    calls = [run(read(transport, server)) for _ in range(2)]
    wire = await begun(server)
    await aside(wire.requests, 2)
    wire.say(goaway(1))
    new = await begun(server)
    new.answer(await aside(new.request), counted(99))
    wire.answer(1, counted(1))
    assert sorted([reply.count for reply in await asyncio.gather(*calls)]) == [1, 99]
    assert "HEADERS" not in await aside(wire.rest)


async def test_a_connection_that_ends_with_goaway_is_closed_after_its_last_call(connect, run, serve):
    server, transport = serve(), connect()
    call = run(read(transport, server))
    wire = await begun(server)
    stream = await aside(wire.request)
    wire.say(goaway(stream))
    wire.answer(stream)
    await call
    assert "HEADERS" not in await aside(wire.rest)


async def test_a_call_that_the_server_refuses_is_sent_again_three_times(connect, run, serve):
    seen = []

    def refuse(wire, stream):
        seen.append(stream)
        wire.say(reset(stream, 7))

    server = serve(partial(answering, answer=refuse))
    error = await failure(run(read(connect(), server)))
    assert (error.sent, seen) == (False, [1, 3, 5, 7])
    assert len(server.wires) == 1


async def test_a_call_that_is_refused_once_succeeds(connect, run, serve):
    def refuse_first(wire, stream):
        wire.say(reset(stream, 7)) if stream == 1 else wire.answer(stream)

    assert await run(read(connect(), serve(partial(answering, answer=refuse_first)))) is not None


async def test_a_call_whose_deadline_passes_while_it_is_refused_is_not_sent_again(connect, run, serve):
    error = await failure(run(read(connect(), serve(refusing))))
    assert "REFUSED_STREAM" in str(error)


async def test_a_connection_that_breaks_ends_all_its_calls_which_may_have_been_applied(connect, run, serve):
    server, transport = serve(), connect()
    calls = [run(read(transport, server)) for _ in range(CALLS)]
    wire = await begun(server)
    await aside(wire.requests, CALLS)
    wire.close()
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert [(isinstance(error, ConnectionFailedError), error.sent) for error in errors] == [(True, True)] * CALLS


async def test_after_that_the_next_call_uses_a_new_connection(connect, run, serve):
    def hang_up(wire):
        wire.establish()
        wire.request()
        wire.close()

    server, transport = serve(hang_up, answering), connect()
    await failure(run(read(transport, server)))
    await run(read(transport, server))
    assert len(server.wires) == 2


async def test_a_server_that_breaks_the_rules_is_told_and_left(connect, run, serve):
    server, transport = serve(), connect()
    call = run(read(transport, server))
    wire = await begun(server)
    await aside(wire.request)
    wire.say(frame(5, 0, 1, bytes(8)))  # a push
    assert "the server broke HTTP/2: a push" in str(await failure(call))
    assert (await aside(wire.until, "GOAWAY")).error_code == 1
    assert await aside(wire.rest) == []


# --- before a call


@pytest.mark.parametrize("last_words", [b"", goaway(2**31 - 1), goaway(1)], ids=["FIN", "GOAWAY and FIN", "GOAWAY(1)"])
async def test_an_end_that_nobody_has_read_is_found_before_the_next_call(connect, run, serve, looks, last_words):
    server, transport = serve(), connect()
    call = run(read(transport, server))
    wire = await begun(server)
    wire.answer(await aside(wire.request))
    await call
    wire.say(last_words)
    wire.sock.shutdown(1)
    call = run(read(transport, server))
    new = await begun(server)
    new.answer(await aside(new.request))
    await call
    assert "HEADERS" not in await aside(wire.rest)


async def test_a_goaway_that_nobody_has_read_is_found_before_the_next_call(connect, run, serve, looks):
    server, transport = serve(), connect()
    call = run(read(transport, server))
    wire = await begun(server)
    wire.answer(await aside(wire.request))
    await call
    wire.say(goaway(1))
    call = run(read(transport, server))
    new = await begun(server)
    new.answer(await aside(new.request))
    await call
    assert "HEADERS" not in await aside(wire.rest)


async def test_a_connection_that_was_silent_for_long_is_asked_and_used_if_it_answers(connect, run, serve):
    server, transport = serve(answering), connect(keepalive=WARY)
    await run(read(transport, server))
    await run(read(transport, server))
    assert len(server.wires) == 1


async def test_one_that_does_not_answer_is_left_for_a_new_one_and_closed(connect, run, serve):
    server, transport = serve(), connect(keepalive=WARY)
    call = run(read(transport, server))
    wire = await begun(server)
    wire.answer(await aside(wire.request))
    await call
    call = run(read(transport, server))
    assert (await aside(wire.until, "PING")).opaque_data
    new = await begun(server)
    new.answer(await aside(new.request))
    await call
    assert "HEADERS" not in await aside(wire.rest)


# --- streams


async def test_a_stream_carries_messages_both_ways_until_the_server_ends_it(connect, run, serve):
    server, transport = serve(), connect()
    opening = run(watch(transport, server))
    wire = await begun(server)
    stream = await opening
    stream.send(messages.WatchRequest())
    id = (await aside(wire.until, "DATA")).stream_id  # noqa: A001
    wire.say(headers(id), *[data(id, message(messages.WatchResponse(watch_id=n).SerializeToString())) for n in (1, 2)])
    assert [(await run(stream.receive())).watch_id for _ in range(2)] == [1, 2]
    wire.say(trailers(id))
    assert await run(stream.receive()) is None
    await run(stream.close())


async def test_closing_a_stream_ends_whoever_waits_for_it_and_tells_the_server(connect, run, serve):
    server, transport = serve(), connect()
    opening = run(watch(transport, server, messages.WatchRequest()))
    wire = await begun(server)
    stream = await opening
    waiting = run(stream.receive())
    id = await aside(wire.request)  # noqa: A001
    await run(stream.close())
    assert await waiting is None
    assert (await aside(wire.until, "RST_STREAM")).stream_id == id


async def test_a_stream_refills_its_window_as_it_is_read(connect, run, serve):
    server, transport = serve(), connect()
    opening = run(watch(transport, server, messages.WatchRequest()))
    wire = await begun(server)
    stream = await opening
    id = await aside(wire.request)  # noqa: A001
    large = message(messages.WatchResponse(cancel_reason="x" * LARGE).SerializeToString())

    wire.say(headers(id))

    def say_all():
        wire.say(*[data(id, large[at : at + 16_000]) for at in range(0, len(large), 16_000)])

    for _ in range(2 * STREAM_WINDOW // LARGE):
        saying = asyncio.ensure_future(aside(say_all))
        assert len((await run(stream.receive())).cancel_reason) == LARGE
        await saying
    assert await aside(wire.until, "WINDOW_UPDATE", id)
    await run(stream.close())


async def test_a_stream_whose_connection_breaks_ends_with_an_error(connect, run, serve):
    server, transport = serve(), connect()
    opening = run(watch(transport, server, messages.WatchRequest()))
    wire = await begun(server)
    stream = await opening
    waiting = run(stream.receive())
    await aside(wire.request)
    wire.close()
    await failure(waiting, ConnectionFailedError)
    await run(stream.close())


async def test_streams_of_a_host_end_once_a_call_to_it_heard_nothing(connect, run, serve, monkeypatch):
    monkeypatch.setattr(keepalive, "DOUBT", 0.05)
    monkeypatch.setattr(keepalive, "INTERVAL", 0.0)
    server, transport = serve(), connect(keepalive={"time": 1000, "timeout": 1000})
    opening = run(watch(transport, server, messages.WatchRequest()))
    await begun(server)
    stream = await opening
    waiting = run(stream.receive())
    call = run(read(transport, server, SHORT))
    if len(server.wires) == 1 and hasattr(transport, "_pool"):
        await begun(server)
    await failure(call, DeadlineExceededError)
    assert "the server is silent" in str(await failure(waiting, ConnectionFailedError))
    await run(stream.close())


async def test_streams_go_on_if_the_server_gives_a_sign_of_life(connect, run, serve, monkeypatch):
    monkeypatch.setattr(keepalive, "DOUBT", 0.5)
    monkeypatch.setattr(keepalive, "INTERVAL", 0.0)
    server, transport = serve(unanswered), connect()
    stream = await run(watch(transport, server, messages.WatchRequest()))
    waiting = run(stream.receive())
    await failure(run(read(transport, server, SHORT)), DeadlineExceededError)
    server.wires[0].say(ping(), headers(1), data(1, message(b"")))
    assert await waiting is not None
    await run(stream.close())


# --- close


async def test_closing_ends_calls_and_streams_and_tells_the_server(connect, run, serve):
    server, transport = serve(), connect()
    call = run(read(transport, server))
    wire = await begun(server)
    await aside(wire.request)
    await run(transport.close())
    await failure(call, ClientClosedError)
    assert (await aside(wire.rest))[-1] == "GOAWAY"
    await failure(run(read(transport, server)), ClientClosedError)


async def test_closing_ends_the_calls_of_a_connection_that_new_ones_do_not_use(connect, run, serve):
    server, transport = serve(), connect()
    call = run(read(transport, server))
    wire = await begun(server)
    await aside(wire.request)
    wire.say(goaway(2**31 - 1), ping())
    await aside(wire.until, "PING")  # the client knows of the one before by now
    await failure(run(read(transport, server, SHORT)), DeadlineExceededError)  # on another one
    await run(transport.close())
    await failure(call, ClientClosedError)


async def test_closing_while_a_connection_is_opened_ends_the_call(connect, run, serve):
    server, transport = serve(silent), connect(dial_timeout=BOUND)
    call = run(read(transport, server))
    await aside(server.wire)
    await run(transport.close())
    await failure(call, ClientClosedError)
