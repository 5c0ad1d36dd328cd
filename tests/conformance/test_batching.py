"""Merged calls on a real etcd: their results, errors and order are those of calls that were not merged."""

from __future__ import annotations

import asyncio
import re

import pytest

from etcd_factory import errors, ops
from etcd_factory.testing import EtcdServer
from tests.support.auth import credential  # noqa: F401
from tests.support.faces import failure, fill, in_time, settle, texts
from tests.support.merging import Merging
from tests.support.transports import Held, Recorded, real

MANY = 300
TIMEOUT = 30.0  # seconds; the machine may be busy
NEVER = 2**60  # no lease has this id
WRITTEN = ("k", "n", "none")

RESULTS = {
    "the whole response": lambda c: c.get("k").exec(),
    "a key and its metadata": lambda c: c.get("k").kv(),
    "text": lambda c: c.get("k").string(),
    "bytes": lambda c: c.get("k").bytes(),
    "a number": lambda c: c.get("n").number(),
    "json": lambda c: c.get("n").json(),
    "existence": lambda c: c.get("k").exists(),
    "no key": lambda c: c.get("none").kv(),
    "no existence": lambda c: c.get("none").exists(),
    "a serializable read": lambda c: c.get("k").serializable().exec(),
    "a put": lambda c: c.put("k").value("new"),
    "a put of a new key": lambda c: c.put("none").previous().value("new"),
    "a put and what it replaced": lambda c: c.put("k").previous().value("new"),
    "a touch": lambda c: c.put("k").previous().touch(),
    "a put that keeps the lease": lambda c: c.put("k").ignore_lease().previous().value("new"),
    "a delete": lambda c: c.delete().key("k"),
    "a delete of no key": lambda c: c.delete().previous().key("none"),
    "a delete and what it removed": lambda c: c.delete().previous().key("k"),
}
ERRORS = {
    "a lease that is gone": (lambda c: c.put("k").lease(NEVER).value("v"), errors.LeaseNotFoundError),
    "a touch of no key": (lambda c: c.put("none").touch(), errors.KeyNotFoundError),
    "a kept lease of no key": (lambda c: c.put("none").ignore_lease().value("v"), errors.KeyNotFoundError),
    "a value that is too large": (lambda c: c.put("k").value(b"x" * (1_600 << 10)), errors.RequestTooLargeError),
    "a value that is no number": (lambda c: c.get("k").number(), ValueError),
}
KINDS = {
    "get": lambda c, key: c.get(key).string(),
    "put": lambda c, key: c.put(key).value("v"),
    "delete": lambda c, key: c.delete().key(key),
}


def without_revisions(result):
    return type(result), re.sub(r"revision=\d+", "revision=_", repr(result))


def without_sizes(error):
    return re.sub(r"[\d,]+ bytes", "_ bytes", str(error))  # those of the namespace are among them


class Gathering:
    """A client whose calls are held until the test has begun all that are to leave together."""

    def __init__(self, face, make, options):
        self.recorded = Recorded(real(face, options))
        self.held = Held(self.recorded)
        self.client = make(transport=self.held, **options)
        self.merging = Merging(face, self.client, self.recorded)

    async def run(self, first, *calls):
        """Begin calls while the first one is on its way; returns the results or errors of these calls."""
        self.recorded.replies.clear()
        self.held.hold()  # also the first call of another kind, which does not wait for this one
        (sent,) = await self.merging.begin(lambda: first(self.client))
        await self.held.arrived()
        futures = await self.merging.begin(*[lambda call=call: call(self.client) for call in calls])
        self.held.release()
        await in_time(sent)
        return await in_time(asyncio.gather(*futures, return_exceptions=True))

    @property
    def transactions(self):
        return [request for call, _ in self.recorded.replies if call.method == "Txn" for request in [call.request]]


@pytest.fixture
def gathering(face, make, options):
    """Creates a client that merges all calls."""
    return lambda **changes: Gathering(face, make, {"batching": "all", "timeout": TIMEOUT, **options, **changes})


@pytest.fixture
async def stored(make, lease):
    """Writes what the operations of this module read, in the namespace of a client."""

    async def store(client):
        await fill(client, {"k": "v", "n": "7"})
        await settle(client.put("k").lease(lease).value("v"))

    return store


def kind_of(call):
    """The kind of a call, so that it is merged with others of that kind."""
    described = repr(call(ops))
    return next(kind for kind in KINDS if f"<Op {kind} " in described)


@pytest.mark.parametrize("name", RESULTS)
async def test_the_result_is_that_of_a_call_that_is_not_merged(gathering, make, stored, name):
    one, plain, call = gathering(), make().namespace("plain/"), RESULTS[name]
    await stored(one.client)
    await stored(plain)
    beside = KINDS[kind_of(call)]
    if "serializable" in name:
        beside = lambda c, key: c.get(key).serializable().string()  # noqa: E731
    results = await one.run(lambda c: beside(c, "a"), lambda c: beside(c, "b"), call, lambda c: beside(c, "c"))
    assert without_revisions(results[1]) == without_revisions(await settle(call(plain)))
    assert {key: value for key, value in (await texts(one.client)).items() if key in WRITTEN} == await texts(plain)
    assert [len(txn.success) for txn in one.transactions] == [3]


@pytest.mark.parametrize("name", ERRORS)
async def test_an_error_is_that_of_a_call_that_is_not_merged_and_others_succeed(gathering, make, stored, name):
    one, plain, (call, kind) = gathering(), make().namespace("plain/"), ERRORS[name]
    await stored(one.client)
    await stored(plain)
    beside = KINDS[kind_of(call)]
    results = await one.run(lambda c: beside(c, "a"), lambda c: beside(c, "b"), call, lambda c: beside(c, "c"))
    wanted = await failure(lambda: call(plain), kind)
    assert type(results[1]) is type(wanted)
    assert without_sizes(results[1]) == without_sizes(wanted)
    assert vars(results[1]).keys() == vars(wanted).keys()
    assert [isinstance(result, Exception) for result in results] == [False, True, False]


async def test_writes_of_one_transaction_share_a_revision_and_their_metadata_says_so(gathering):
    one = gathering()
    results = await one.run(*[lambda c, key=key: c.put(key).value(key) for key in "abc"])
    assert results[0].revision == results[1].revision
    found = await settle(one.client.get_all().kvs())
    assert [(kv.key_text, kv.version, kv.mod_revision == results[0].revision) for kv in found] == [
        ("a", 1, False),
        ("b", 1, True),
        ("c", 1, True),
    ]


async def test_a_watch_sees_each_write_once(gathering, recorder):
    one = gathering()
    watcher = await settle(one.client.watch().prefix("w").create())
    await one.run(*[lambda c, key=key: c.put(f"w{key}").value(key) for key in "abc"])
    seen = [await in_time(asyncio.to_thread(next, watcher) if one.merging.face.is_blocking else anext(watcher))]
    while len(seen) < 3:
        seen.append(await in_time(asyncio.to_thread(next, watcher) if one.merging.face.is_blocking else anext(watcher)))
    assert [event.kv.key_text for event in seen] == ["wa", "wb", "wc"]


@pytest.mark.parametrize("batching", ["reads", "all"])
async def test_many_callers_each_see_what_they_wrote(face, make, batching):
    client = make(batching=batching, timeout=TIMEOUT)

    async def work(name):
        for number in range(10):
            await settle(client.put(name).value(str(number)))
            assert await settle(client.get(name).string()) == str(number)
        assert (await settle(client.delete().key(name))).deleted == 1

    if face.is_blocking:
        await in_time(asyncio.gather(*[asyncio.to_thread(asyncio.run, work(f"{n}")) for n in range(20)]))
    else:
        await in_time(asyncio.gather(*[work(f"{number}") for number in range(MANY)]))
    assert await texts(client) == {}


async def test_more_calls_than_a_transaction_may_have_are_several(make, face):
    if face.is_blocking:
        pytest.skip("it would need as many threads")
    client = make(batching="all", timeout=TIMEOUT)
    await asyncio.gather(*[client.put(f"{number}").value(str(number)) for number in range(MANY)])
    found = await asyncio.gather(*[client.get(f"{number}").string() for number in range(MANY)])
    assert found == [str(number) for number in range(MANY)]


async def test_a_server_that_takes_fewer_operations_gets_smaller_transactions(gathering):
    with EtcdServer(args=["--max-txn-ops=4"]) as server:
        one = gathering(hosts=[server.endpoint])
        calls = [lambda c, key=key: c.put(key).value("v") for key in "abcdefghi"]
        for _ in range(2):
            assert not any(isinstance(result, Exception) for result in await one.run(*calls))
        assert [len(txn.success) for txn in one.transactions] == [4, 4]
        assert len(await texts(one.client)) == 9


async def test_a_forbidden_key_harms_no_other(gathering, auth_server):
    one = gathering(**{**auth_server.options, "namespace": "", "auth": {"username": "alice", "password": "wonder"}})
    results = await one.run(
        *[lambda c, key=key: c.put(key).value("v") for key in ("pub/a", "pub/b", "secret", "pub/c")]
    )
    assert [type(result).__name__ for result in results] == ["PutResponse", "PermissionDeniedError", "PutResponse"]
    assert (results[1].operation, results[1].maybe_applied) == ("put b'secret'", False)
    results = await one.run(*[lambda c, key=key: c.get(key).string() for key in ("pub/a", "pub/b", "secret", "pub/c")])
    assert [result if isinstance(result, str) else type(result) for result in results] == [
        "v",
        errors.PermissionDeniedError,
        "v",
    ]


async def test_without_space_deletes_are_possible_while_puts_fail(gathering):
    with EtcdServer(args=["--quota-backend-bytes=1"]) as server:
        one = gathering(hosts=[server.endpoint], namespace="")
        assert (await failure(lambda: one.client.put("a").value("v"), errors.NoSpaceError)).maybe_applied
        puts = [lambda c, key=key: c.put(key).value("v") for key in "bc"]
        deletes = [lambda c, key=key: c.delete().key(key) for key in "ade"]
        results = await one.run(lambda c: c.delete().key("first"), *puts, *deletes)
        assert [type(result).__name__ for result in results] == ["NoSpaceError"] * 2 + ["DeleteResponse"] * 3
