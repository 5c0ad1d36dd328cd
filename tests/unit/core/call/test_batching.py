"""Concurrent calls of a client that leave as one transaction, in both faces."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.core.call.batching import Batching
from etcd_factory.core.call.client import Client
from etcd_factory.errors import (
    ClientClosedError,
    Code,
    DeadlineExceededError,
    EtcdError,
    KeyNotFoundError,
    LeaseNotFoundError,
    NoSpaceError,
    PermissionDeniedError,
    RequestTooLargeError,
    TooManyRequestsError,
    error_of,
)
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import FACES, failure, in_time, settle, until
from tests.support.merging import HeldStore, Merging

LONG, SOON, SHORT = 30.0, 2.0, 0.05  # seconds
PUTS, GETS = {"Put"}, {"Range"}


def keys(*names):
    return [name.encode() for name in names]


async def gathered(one, *calls):
    """Begin calls: the first is answered, the others leave as one transaction; returns it and their futures."""
    first, sent = await one.under_way(calls[0])
    futures = await one.begin(*calls[1:])
    one.held.answer(first)
    await in_time(sent)
    return await one.held.next(), futures


# --- what is merged


@pytest.mark.parametrize("batching", ["reads", "all"])
async def test_one_caller_makes_plain_calls(merging, batching):
    one = merging(batching)
    for call, method in ((one.put("a"), "Put"), (one.get("a"), "Range"), (one.delete("a"), "DeleteRange")):
        held, future = await one.under_way(call)
        assert (held.method, held.keys) == (method, [b"a"])
        one.held.answer(held)
        await in_time(future)
    assert one.lanes.idle


async def test_calls_that_come_while_one_is_on_its_way_leave_as_one_transaction(merging):
    one = merging("all")
    first, sent = await one.under_way(one.put("a"))
    later = await one.begin(one.put("b", "2"), one.put("c", "3"))
    assert one.held.is_quiet
    one.held.answer(first)
    second = one.held.answer(await one.held.next())
    assert (second.method, second.keys, second.kinds) == ("Txn", keys("b", "c"), PUTS)
    revisions = [response.revision for response in await in_time(asyncio.gather(sent, *later))]
    assert revisions == [2, 3, 3]
    assert one.lanes.idle


@pytest.mark.parametrize("batching", ["reads", "all"])
async def test_each_read_gets_the_answer_to_its_own_key(merging, batching):
    one = merging(batching)
    await one.held.serve(await one.begin(*[one.put(key, key.upper()) for key in "abc"]))
    first, read = await one.under_way(one.get("a"))
    others = await one.begin(*[one.get(key) for key in ("b", "none", "c", "b")])
    one.held.answer(first)
    second = one.held.answer(await one.held.next())
    assert (second.kinds, second.keys) == (GETS, keys("b", "none", "c", "b"))
    assert await in_time(asyncio.gather(read, *others)) == ["A", "B", None, "C", "B"]


async def test_with_reads_no_write_waits(merging):
    one = merging("reads")
    first, written = await one.under_way(one.put("a"))
    second, again = await one.under_way(one.put("a"))
    assert (first.method, second.method) == ("Put", "Put")
    for call in (first, second):
        one.held.answer(call)
    await in_time(asyncio.gather(written, again))


async def test_reads_puts_and_deletes_leave_apart_and_so_do_serializable_reads(merging):
    one = merging("all")
    serializable = one.client.get("s").serializable().string
    futures = [(await one.under_way(call))[1] for call in (one.get("1"), one.put("2"), one.delete("3"), serializable)]
    futures += await one.begin(*[one.get(key) for key in "ab"], *[one.put(key) for key in "cd"])
    futures += await one.begin(*[one.delete(key) for key in "ef"], *[serializable] * 2)
    for call in one.held.calls[:4]:
        one.held.answer(call)
    txns = [await one.held.next() for _ in range(4)]
    assert sorted((sorted(txn.kinds), txn.keys) for txn in txns) == [
        (["DeleteRange"], keys("e", "f")),
        (["Put"], keys("c", "d")),
        (["Range"], keys("a", "b")),
        (["Range"], keys("s", "s")),
    ]
    serializable = {txn.keys[0]: txn.request.success[0].request_range.serializable for txn in txns if txn.kinds == GETS}
    assert serializable == {b"a": False, b"s": True}
    for txn in txns:
        one.held.answer(txn)
    await in_time(asyncio.gather(*futures))


async def test_namespaces_of_one_client_are_merged_and_results_are_without_them(merging):
    one = merging("all")
    first, sent = await one.under_way(one.put("a"))
    tenant = Merging(one.face, one.client.namespace("t/"), one.held)
    later = await one.begin(one.put("b"), lambda: tenant.client.put("b").previous().value("v"))
    one.held.answer(first)
    assert one.held.answer(await one.held.next()).keys == keys("b", "t/b")
    await in_time(asyncio.gather(sent, *later))
    read, found = await one.under_way(tenant.client.get("b").kv)
    one.held.answer(read)
    assert (await in_time(found)).key == b"b"


# --- order


async def test_writes_of_one_key_are_applied_in_the_order_in_which_they_began(merging):
    one = merging("all")
    futures = await one.begin(*[one.put("k", str(number)) for number in range(6)], one.get("k"))
    *_, read = await one.held.serve(futures)
    assert read == "5"
    assert [call.method for call in one.held.calls] == ["Put"] * 6 + ["Range"]


async def test_a_caller_sees_what_it_wrote_before(merging):
    one = merging("all")

    async def work(name):
        for number in range(5):
            await settle(one.client.put(name).value(str(number)))
            assert await settle(one.client.get(name).string()) == str(number)

    workers = [asyncio.to_thread(asyncio.run, work(n)) if one.face.is_blocking else work(n) for n in "abcde"]
    assert await one.held.serve(workers) == [None] * 5
    assert any(call.method == "Txn" for call in one.held.calls)
    assert one.lanes.idle


# --- refused transactions


@pytest.mark.parametrize(
    "error",
    [
        PermissionDeniedError("etcdserver: permission denied"),
        LeaseNotFoundError("etcdserver: requested lease not found"),
        KeyNotFoundError("etcdserver: key not found"),
        RequestTooLargeError("etcdserver: request is too large"),
        RequestTooLargeError("etcdserver: too many operations in txn request"),
    ],
    ids=lambda error: str(error).partition(";")[0],
)
async def test_the_calls_of_a_refused_transaction_are_sent_one_by_one(merging, error):
    one = merging("all")
    first, sent = await one.under_way(one.put("a"))
    later = await one.begin(*[one.put(key) for key in "bcd"])
    one.held.answer(first)
    (await one.held.next()).fail(error)
    alone = [await one.held.next() for _ in range(3)]
    assert sorted((call.method, *call.keys) for call in alone) == [("Put", key) for key in keys("b", "c", "d")]
    bad = next(call for call in alone if call.keys == [b"c"])
    bad.fail(PermissionDeniedError("etcdserver: permission denied"))
    for call in alone:
        if call is not bad:
            one.held.answer(call)
    results = await in_time(asyncio.gather(sent, *later, return_exceptions=True))
    assert [isinstance(result, EtcdError) for result in results] == [False, False, True, False]
    assert (results[2].operation, results[2].maybe_applied) == ("put b'c'", False)
    assert one.lanes.idle


async def test_a_smaller_transaction_follows_one_that_was_too_large(merging):
    one = merging("all")
    txn, futures = await gathered(one, *[one.put(key) for key in "abcde"])
    txn.fail(RequestTooLargeError("etcdserver: too many operations in txn request"))
    await one.held.serve(futures)
    txn, futures = await gathered(one, *[one.put(key) for key in "abc"])
    assert len(txn.keys) == 2
    one.held.answer(txn)
    await in_time(asyncio.gather(*futures))


async def test_only_the_lease_of_the_call_itself_is_reported_as_gone(merging):
    one, lost = merging("all"), []

    class Keeper:
        def lost(self, lease):
            lost.append(lease)

    keeper = Keeper()
    one.client._run.client.lease_keepers.add(keeper)
    leased = [lambda lease=lease: one.client.put(f"{lease}").lease(lease).value("v") for lease in (7, 8)]
    txn, futures = await gathered(one, one.put("a"), *leased)
    error = LeaseNotFoundError("etcdserver: requested lease not found")
    txn.fail(error)
    alone = sorted([await one.held.next() for _ in range(2)], key=lambda call: call.request.lease)
    one.held.answer(alone[0])
    alone[1].fail(error)
    assert isinstance((await in_time(asyncio.gather(*futures, return_exceptions=True)))[1], LeaseNotFoundError)
    assert lost == [8]


# --- transactions that may have been applied


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (replies.lost(), EtcdError),
        (DeadlineExceededError("etcdserver: request timed out"), DeadlineExceededError),
        (NoSpaceError("etcdserver: mvcc: database space exceeded"), NoSpaceError),
        (error_of(Code.UNKNOWN, "what is this?"), EtcdError),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_every_write_of_a_transaction_that_may_have_been_applied_says_so_itself(merging, error, kind):
    one = merging("all")
    txn, futures = await gathered(one, *[one.put(key) for key in "abc"])
    txn.fail(error)
    errors = await in_time(asyncio.gather(*futures, return_exceptions=True))
    assert {type(found) for found in errors} == {type(error)}
    assert issubclass(type(error), kind)
    assert [(found.operation, found.maybe_applied) for found in errors] == [("put b'b'", True), ("put b'c'", True)]
    assert one.held.is_quiet
    assert one.lanes.idle


async def test_one_that_was_never_sent_says_so(merging):
    one = merging("all", retry={"attempts": 1})
    txn, futures = await gathered(one, *[one.delete(key) for key in "abc"])
    txn.fail(replies.refused())
    errors = await in_time(asyncio.gather(*futures, return_exceptions=True))
    assert [(found.operation, found.sent, found.maybe_applied) for found in errors] == [
        ("delete b'b'", False, False),
        ("delete b'c'", False, False),
    ]


async def test_the_reads_of_a_lost_transaction_are_repeated(merging):
    one = merging("all")
    txn, futures = await gathered(one, *[one.get(key) for key in "abc"])
    txn.fail(replies.lost())
    again = one.held.answer(await one.held.next())
    assert again.keys == txn.keys == keys("b", "c")
    assert await in_time(asyncio.gather(*futures)) == [None, None]


@pytest.mark.parametrize("error", [replies.lost(), TooManyRequestsError("etcdserver: too many requests")], ids=str)
async def test_an_error_of_reads_that_is_about_none_of_them_is_raised_in_all(merging, error):
    one = merging("reads", retry={"attempts": 1})
    txn, futures = await gathered(one, *[one.get(key) for key in "abc"])
    txn.fail(error)
    errors = await in_time(asyncio.gather(*futures, return_exceptions=True))
    assert [(type(found), found.operation, found.maybe_applied) for found in errors] == [
        (type(error), "get b'b'", False),
        (type(error), "get b'c'", False),
    ]
    assert one.held.is_quiet


async def test_each_caller_raises_an_error_of_its_own(merging):
    one = merging("all")
    txn, futures = await gathered(one, *[one.put(key) for key in "abc"])
    given, cause = replies.lost(), OSError("reset")
    given.endpoint, given.__cause__ = "a:1", cause
    txn.fail(given)
    errors = await in_time(asyncio.gather(*futures, return_exceptions=True))
    assert errors[0] is not errors[1]
    assert [(error.endpoint, error.__cause__) for error in errors] == [("a:1", cause)] * 2


async def test_a_response_to_something_else_is_an_error_that_leaves_writes_in_doubt(merging):
    one = merging("all")
    txn, futures = await gathered(one, *[one.put(key) for key in "abc"])
    txn.outcome.set_result(replies.txn(replies.put()))
    errors = await in_time(asyncio.gather(*futures, return_exceptions=True))
    assert [(found.operation, found.maybe_applied) for found in errors] == [("put b'b'", True), ("put b'c'", True)]


async def test_without_space_deletes_are_not_merged_until_a_put_succeeds(merging):
    one = merging("all")
    held, put = await one.under_way(one.put("a"))
    held.fail(NoSpaceError("etcdserver: mvcc: database space exceeded"))
    assert (await in_time(failure(lambda: put, NoSpaceError))).maybe_applied
    futures = await one.begin(*[one.delete(key) for key in "abc"])
    await until(lambda: len(one.held.calls) > len("abc"))
    assert [call.method for call in one.held.calls[1:]] == ["DeleteRange"] * 3
    await one.held.serve([*futures, *await one.begin(one.put("a"))])
    txn, futures = await gathered(one, *[one.delete(key) for key in "abc"])
    assert txn.keys == keys("b", "c")
    one.held.answer(txn)
    await in_time(asyncio.gather(*futures))


# --- deadlines and cancellation


def within(one, seconds):
    """The same client with another timeout."""
    return Merging(one.face, one.client.with_options(timeout=seconds), one.held)


async def test_a_call_that_is_not_sent_within_its_own_timeout_was_certainly_not_applied(merging):
    one = merging("all", timeout=LONG)
    first, sent = await one.under_way(one.put("a"))
    (patient,) = await one.begin(one.put("b"))
    error = await in_time(failure(lambda: one.face.begin(within(one, SHORT).put("c")), DeadlineExceededError))
    assert (error.operation, error.sent, error.maybe_applied) == ("put b'c'", False, False)
    one.held.answer(first)
    assert one.held.answer(await one.held.next()).keys == keys("b")
    await in_time(asyncio.gather(sent, patient))
    assert one.lanes.idle


async def test_a_call_that_others_have_sent_ends_at_its_own_deadline_and_they_go_on(merging):
    one = merging("all", timeout=LONG)
    first, sent = await one.under_way(one.put("a"))
    futures = await one.begin(within(one, SOON).put("b"), one.put("c"))
    one.held.answer(first)
    txn = await one.held.next()
    assert txn.keys == keys("b", "c")
    assert txn.timeout > LONG / 2
    error = await in_time(failure(lambda: futures[0], DeadlineExceededError))
    assert (error.operation, error.sent, error.maybe_applied) == ("put b'b'", True, True)
    one.held.answer(txn)
    await in_time(asyncio.gather(sent, futures[1]))
    assert one.lanes.idle


async def test_a_read_that_others_have_sent_is_never_in_doubt(merging):
    one = merging("reads", timeout=LONG)
    first, sent = await one.under_way(one.get("a"))
    futures = await one.begin(within(one, SOON).get("b"), one.get("c"))
    one.held.answer(first)
    txn = await one.held.next()
    error = await in_time(failure(lambda: futures[0], DeadlineExceededError))
    assert (error.operation, error.maybe_applied) == ("get b'b'", False)
    one.held.answer(txn)
    await in_time(asyncio.gather(sent, futures[1]))


@pytest.fixture
def tasks(merging):
    """A client of the asyncio face, whose calls can be cancelled; the other face has no cancellation."""
    one = merging("all")
    if one.face.is_blocking:
        pytest.skip("threads cannot be cancelled")
    return one


async def test_a_write_that_is_cancelled_before_it_was_sent_is_left_out(tasks):
    first, sent = await tasks.under_way(tasks.put("a"))
    futures = await tasks.begin(*[tasks.put(key) for key in "bcd"])
    futures[1].cancel()
    await asyncio.wait(futures[1:2])
    tasks.held.answer(first)
    assert tasks.held.answer(await tasks.held.next()).keys == keys("b", "d")
    await in_time(asyncio.gather(sent, futures[0], futures[2]))


async def test_cancelling_one_call_of_a_transaction_harms_no_other(tasks):
    txn, futures = await gathered(tasks, *[tasks.put(key) for key in "abcd"])
    futures[0].cancel()
    await asyncio.wait(futures[:1])
    tasks.held.answer(txn)
    await in_time(asyncio.gather(*futures[1:]))
    assert set(tasks.held.store.kvs) == set(keys("a", "b", "c", "d"))
    assert tasks.lanes.idle


async def test_when_the_call_on_its_way_is_cancelled_those_that_waited_leave(tasks):
    _, sent = await tasks.under_way(tasks.put("a"))
    futures = await tasks.begin(tasks.put("b"), tasks.put("c"))
    sent.cancel()
    assert tasks.held.answer(await tasks.held.next()).keys == keys("b", "c")
    await in_time(asyncio.gather(*futures))


async def test_when_all_are_cancelled_nothing_is_sent_and_nothing_is_left(tasks):
    first, sent = await tasks.under_way(tasks.put("a"))
    futures = await tasks.begin(*[tasks.put(key) for key in "bcb"], tasks.get("b"))
    for future in futures:
        future.cancel()
    await asyncio.wait(futures)
    tasks.held.answer(first)
    await in_time(sent)
    assert tasks.held.is_quiet
    assert tasks.lanes.idle


async def test_a_write_that_is_cancelled_when_its_transaction_is_about_to_be_sent_is_left_out(tasks, monkeypatch):
    first, sent = await tasks.under_way(tasks.put("a"))
    futures = await tasks.begin(*[tasks.put(key) for key in "bcd"])
    runtime = tasks.client._run.client.runtime
    spawn = runtime.spawn
    monkeypatch.setattr(runtime, "spawn", lambda *args: futures[0].cancel() and spawn(*args))
    tasks.held.answer(first)
    await in_time(sent)
    assert tasks.held.answer(await tasks.held.next()).keys == keys("c", "d")
    await in_time(asyncio.gather(*futures[1:]))


def test_ending_an_event_loop_with_calls_that_wait_leaves_no_task(caplog):
    async def main():
        held = HeldStore(FACES[1])
        one = Merging(FACES[1], AsyncETCDService({"batching": "all"}, transport=held), held)
        await one.begin(*[one.put(key) for key in "abcb"])
        return one

    one = asyncio.run(main())
    assert [call.method for call in one.held.calls] == ["Put"]
    assert caplog.text == ""
    asyncio.run(one.client.aclose())


async def test_threads_whose_sender_is_interrupted_have_certain_outcomes():
    held = HeldStore(FACES[0])
    with ETCDService({"batching": "all", "timeout": LONG}, transport=held) as client:
        one = Merging(FACES[0], client, held)
        puts, written = await gathered(one, one.put("a"), one.put("b"), within(one, 2 * LONG).put("c"))
        gets, read = await gathered(one, one.get("x"), one.get("y"), within(one, 2 * LONG).get("z"))
        puts.fail(KeyboardInterrupt())
        gets.fail(KeyboardInterrupt())
        assert one.held.answer(await one.held.next()).keys == keys("y")
        assert await in_time(read[0]) is None
        error = await in_time(failure(lambda: written[0]))
        assert (error.operation, error.maybe_applied) == ("put b'b'", True)
        for future in (read[1], written[1]):
            with pytest.raises(KeyboardInterrupt):
                await future
        assert one.lanes.idle


# --- the end of a client, and forks


async def test_closing_the_client_ends_all_calls(merging):
    one = merging("all")
    _, sent = await one.under_way(one.put("a"))
    futures = await one.begin(*[one.put(key) for key in "bcb"], one.get("b"))
    await in_time(one.face.close(one.client))
    errors = await in_time(asyncio.gather(sent, *futures, return_exceptions=True))
    assert {type(error) for error in errors} == {ClientClosedError}
    assert one.lanes.idle


async def test_a_forked_child_starts_without_the_calls_of_its_parent(merging):
    one = merging("all")
    first, sent = await one.under_way(one.put("a"))
    futures = await one.begin(one.put("b"))
    batching = one.client._run.client.batching
    parents = vars(batching).copy()
    assert one.client._run.client.forget()
    held, childs = await one.under_way(one.put("c"))  # at once: nothing is on its way in the child
    one.held.answer(held)
    await in_time(childs)
    vars(batching).update(parents)
    one.held.answer(first)
    await one.held.serve([sent, *futures])


async def test_each_event_loop_merges_its_own_calls():
    held = HeldStore(FACES[1])
    one = Merging(FACES[1], AsyncETCDService({"batching": "all"}, transport=held), held)
    first, sent = await one.under_way(one.put("a"))
    other = asyncio.ensure_future(asyncio.to_thread(lambda: asyncio.run(elsewhere(one))))
    second = await one.held.next()
    assert second.keys == keys("b")
    for call in (second, first):
        one.held.answer(call)
    await in_time(asyncio.gather(sent, other))
    await one.client.aclose()


async def elsewhere(one):
    """A call in another loop."""
    return await one.client.put("b").value("v")


@pytest.mark.parametrize("batching", [False, "reads", "all"])
def test_without_the_option_a_client_merges_nothing(batching):
    client = Client(ScriptedTransport([]), ThreadRuntime(), ClientOptions(batching=batching))
    assert isinstance(client.batching, Batching) is bool(batching)
