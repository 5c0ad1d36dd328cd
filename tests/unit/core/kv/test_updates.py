"""Changing a key by what it is, with others who change it too."""

import asyncio

import pytest

from etcd_factory import KeyValue, errors
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.testing import replies
from tests.support.faces import failure, is_async, settle


def value(text, revision=5, lease=0):
    return KeyValue(b"k", text.encode(), 2, revision, 3, lease)


def conflict(*found):
    return replies.txn(replies.get(*found), succeeded=False, revision=8)


DONE = replies.txn(replies.put(), revision=9)


def puts(transport):
    """The writes that were tried: the revision that was compared with, the value, whether the lease is kept."""
    txns = [call.request for call in transport.calls if call.method == "Txn"]
    written = [(txn.compare[0].mod_revision, txn.success[0].request_put) for txn in txns]
    return [(revision, put.value, put.ignore_lease) for revision, put in written]


def methods(transport):
    return [call.method for call in transport.calls]


@pytest.fixture
def pauses(monkeypatch):
    """The pauses of the client, which take no time."""
    seen = []

    async def sleep(self, seconds):
        seen.append(seconds)

    for runtime in (ThreadRuntime, AsyncioRuntime):
        monkeypatch.setattr(runtime, "sleep", sleep)
    return seen


async def test_what_a_function_returns_is_written_if_nothing_has_changed(connect):
    client, transport = connect([replies.get(value("a")), DONE])
    seen = []

    def change(current):
        seen.append(current)
        return current.text + "b"

    assert await settle(client.update("k", change)) == KeyValue(b"k", b"ab", 2, 9, 4)
    assert seen == [value("a")]
    assert puts(transport) == [(5, b"ab", True)]


async def test_a_missing_key_is_none_and_is_created(connect):
    client, transport = connect([replies.get(), DONE])
    assert await settle(client.update("k", lambda current: repr(current))) == KeyValue(b"k", b"None", 9, 9, 1)
    assert puts(transport) == [(0, b"None", False)]


async def test_a_key_keeps_its_lease(connect):
    client, transport = connect([replies.get(value("1", lease=77)), DONE])
    assert (await settle(client.update("k", lambda current: 2))).lease == 77
    assert puts(transport) == [(5, b"2", True)]


async def test_after_the_first_conflict_what_was_found_is_changed_at_once(connect, pauses):
    client, transport = connect([replies.get(value("a")), conflict(value("x", 7)), DONE])
    assert (await settle(client.update("k", lambda current: current.text + "b"))).text == "xb"
    assert puts(transport) == [(5, b"ab", True), (7, b"xb", True)]
    assert methods(transport) == ["Range", "Txn", "Txn"]
    assert pauses == []


async def test_after_others_it_pauses_and_reads_again(connect, pauses):
    script = [replies.get(value("a")), conflict(value("x", 7)), conflict(value("y", 8)), replies.get(), DONE]
    client, transport = connect(script)
    assert (await settle(client.update("k", lambda current: "new"))).create_revision == 9
    assert methods(transport) == ["Range", "Txn", "Txn", "Range", "Txn"]
    assert puts(transport)[-1] == (0, b"new", False)
    assert len(pauses) == 1


async def test_it_ends_when_others_were_faster_for_the_timeout(connect):
    script = {"Range": replies.get(value("a")), "Txn": conflict(value("a"))}
    client, transport = connect(script, retry={"initial": 0.01, "maximum": 0.02}, timeout=0.2)
    error = await failure(lambda: client.update("k", lambda current: "b"), errors.DeadlineExceededError)
    assert "others keep changing b'k'" in error.message
    assert (error.operation, error.maybe_applied) == ("update b'k'", False)
    assert error.attempts == len(puts(transport)) > 2


@pytest.mark.parametrize(("reads", "conflicts", "maybe_applied"), [(1, 1, True), (2, 2, True), (1, 2, False)])
async def test_a_call_in_what_is_left_of_the_timeout_does_not_hide_the_conflicts(
    connect, pauses, reads, conflicts, maybe_applied
):
    late = errors.DeadlineExceededError("no response within 0.0004 s")
    late.maybe_applied = maybe_applied
    ranges, txns = iter([replies.get(value("a"))] * reads), iter([conflict(value("a"))] * conflicts)
    client, _ = connect({"Range": lambda call: next(ranges, late), "Txn": lambda call: next(txns, late)})
    error = await failure(lambda: client.update("k", lambda current: "b"), errors.DeadlineExceededError)
    assert "others keep changing b'k'" in error.message
    assert (error.operation, error.attempts, error.maybe_applied) == ("update b'k'", conflicts, maybe_applied)


async def test_it_begins_no_pause_that_is_longer_than_the_time_that_is_left(connect, pauses):
    script = {"Range": replies.get(value("a")), "Txn": conflict(value("a"))}
    client, transport = connect(script, retry={"initial": 60, "maximum": 60}, timeout=5)
    error = await failure(lambda: client.update("k", lambda current: "b"), errors.DeadlineExceededError)
    assert (error.attempts, len(puts(transport)), pauses) == (2, 2, [])


class Clock:
    """The runtimes' clock: each call to etcd takes a second."""

    def __init__(self):
        self.time = 0.0

    def taking(self, answer):
        def step(call):
            self.time += 1
            return answer

        return step


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for runtime in (ThreadRuntime, AsyncioRuntime):
        monkeypatch.setattr(runtime, "now", lambda self: clock.time)
    return clock


async def test_the_timeout_is_that_of_all_calls_together(connect, pauses, clock):
    script = {"Range": clock.taking(replies.get(value("a"))), "Txn": clock.taking(conflict(value("a")))}
    client, transport = connect(script, timeout=5)
    await failure(lambda: client.update("k", lambda current: "b"), errors.DeadlineExceededError)
    assert methods(transport) == ["Range", "Txn", "Txn", "Range", "Txn"]
    assert [call.timeout for call in transport.calls] == [5, 4, 3, 2, 1]


async def test_what_the_function_takes_does_not_count(connect, clock):
    client, transport = connect([replies.get(value("a")), DONE], timeout=5)

    def change(current):
        clock.time += 100
        return "b"

    assert (await settle(client.update("k", change))).text == "b"
    assert transport.calls[1].timeout == 5


async def test_what_the_function_raises_passes_through_and_nothing_is_written(connect):
    client, transport = connect([replies.get(value("a"))])

    def change(current):
        raise LookupError(current.text)

    with pytest.raises(LookupError, match="a"):
        await settle(client.update("k", change))
    assert puts(transport) == []


async def test_a_write_whose_response_is_lost_is_not_repeated(connect):
    client, transport = connect([replies.get(value("a")), replies.lost()])
    error = await failure(lambda: client.update("k", lambda current: "b"), errors.ConnectionFailedError)
    assert (error.operation, error.maybe_applied) == ("update b'k'", True)
    assert len(puts(transport)) == 1


async def test_keys_are_those_of_the_namespace(connect):
    found = replies.get(KeyValue(b"app/k", b"1", 2, 5, 3))
    client, transport = connect([found, DONE], namespace="app/")
    assert (await settle(client.update("k", lambda current: current.key))).key == b"k"
    assert transport.calls[1].request.success[0].request_put.key == b"app/k"


async def test_in_asyncio_the_function_may_be_async(connect):
    client, _ = connect({"Range": replies.get(value("a")), "Txn": DONE})

    async def change(current):
        await asyncio.sleep(0)
        return "b"

    if is_async(client):
        assert (await client.update("k", change)).text == "b"
    else:
        with pytest.raises(TypeError, match="is async; for the blocking ETCDService write 'def'"):
            client.update("k", change)


@pytest.mark.parametrize(("given", "text"), [(None, "a function"), ("text", "a function")])
async def test_what_is_no_function_is_an_error(connect, given, text):
    client, transport = connect([])
    with pytest.raises(TypeError, match=text):
        await settle(client.update("k", given))
    assert transport.calls == []


@pytest.mark.parametrize("given", [None, [1], True])
async def test_what_is_no_value_is_an_error(connect, given):
    client, transport = connect([replies.get()])
    with pytest.raises(TypeError, match="a value must be"):
        await settle(client.update("k", lambda current: given))
    assert puts(transport) == []


# --- increments


@pytest.mark.parametrize(
    ("found", "by", "expected"),
    [("41", 1, 42), ("-1", 1, 0), ("5", -7, -2), (str(2**70), 1, 2**70 + 1), (None, 1, 1), (None, -3, -3), ("7", 0, 7)],
)
async def test_a_number_is_added(connect, found, by, expected):
    client, transport = connect([replies.get() if found is None else replies.get(value(found)), DONE])
    assert await settle(client.increment("k", by)) == expected
    assert puts(transport)[0][1] == str(expected).encode()


async def test_the_default_is_one(connect):
    client, _ = connect([replies.get(value("1")), conflict(value("9", 8)), DONE])
    assert await settle(client.increment("k")) == 10


@pytest.mark.parametrize("there", ["abc", "1.5", "1_000", "", "x" * 100])
async def test_a_value_that_is_no_integer_is_an_error_that_shows_it(connect, there):
    client, transport = connect([replies.get(value(there))])
    with pytest.raises(ValueError, match="the value of b'k' is not an integer: ") as caught:
        await settle(client.increment("k"))
    shown = str(caught.value).partition("integer: ")[2]
    assert shown == (f"{there.encode()!r}" if len(there) <= 40 else f"{b'x' * 40!r}...")
    assert puts(transport) == []


@pytest.mark.parametrize("by", ["1", 1.0, True, None])
async def test_an_increment_that_is_no_int_is_an_error(connect, by):
    client, transport = connect([])
    with pytest.raises(TypeError, match="an increment must be an int"):
        await settle(client.increment("k", by))
    assert transport.calls == []


async def test_an_error_names_it(connect):
    client, _ = connect([replies.server_error("etcdserver: permission denied")])
    error = await failure(lambda: client.increment("k"), errors.PermissionDeniedError)
    assert error.operation == "increment b'k'"
