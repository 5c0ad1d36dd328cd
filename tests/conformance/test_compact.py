"""Compaction: old revisions are removed."""

import pytest

from etcd_factory import errors
from tests.support.faces import failure, settle
from tests.support.relay import Relay


@pytest.fixture
def client(make, fragile):
    return make(hosts=[fragile.endpoint])


async def write(client, value):
    return (await settle(client.put("k").value(value))).revision


@pytest.mark.parametrize("physical", [False, True])
async def test_only_what_is_older_than_the_revision_is_removed(client, physical):
    old, kept = await write(client, "old"), await write(client, "kept")
    assert await settle(client.compact(kept, physical=physical)) is None
    assert await settle(client.get("k").revision(kept).string()) == "kept"
    assert type(await failure(lambda: client.get("k").revision(old).string())) is errors.CompactedError


async def test_a_revision_can_be_compacted_once(client):
    revision = await write(client, "v")
    await settle(client.compact(revision))
    error = await failure(lambda: client.compact(revision))
    assert type(error) is errors.CompactedError
    assert error.operation == f"compact {revision}"
    assert not error.maybe_applied


async def test_a_future_revision_is_a_typed_error(client):
    error = await failure(lambda: client.compact(10**9))
    assert type(error) is errors.FutureRevisionError
    assert (error.code, error.operation) == ("OUT_OF_RANGE", "compact 1000000000")


@pytest.mark.parametrize(("given", "kind"), [("1", TypeError), (-1, ValueError), (None, TypeError), (True, TypeError)])
async def test_a_revision_must_be_an_int_that_is_not_negative(client, given, kind):
    with pytest.raises(kind, match="a revision must"):
        await settle(client.compact(given))


async def test_a_compaction_whose_response_is_lost_is_not_resent(client, make, fragile):
    revision = await write(client, "v")
    with Relay(fragile.endpoint) as relay:
        far = make(hosts=[relay.endpoint])
        await settle(far.get("k").string())
        relay.cut(after=b"Compact")
        error = await failure(lambda: far.compact(revision))
    assert (error.maybe_applied, error.attempts) == (True, 1)
