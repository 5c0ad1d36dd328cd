"""The revision of a mirror, and waiting until it reaches one."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import errors, ops
from etcd_factory.wire import methods
from tests.support.faces import BOUND, closed, failure, fill, in_time, settle
from tests.support.mirroring import open_mirror
from tests.support.transports import Held

FAR = 10**9  # a revision that these stores never have


@pytest.fixture
def watches(wrap):
    """Holds what the client's watches receive."""
    return wrap(Held, methods.WATCH)


@pytest.fixture
def client(make, watches):
    return make(transport=watches)


async def put(client, key="p/k", value="v"):
    """Put a key; returns the revision."""
    return (await settle(client.put(key).value(value))).revision


async def test_the_revision_is_that_of_the_read_then_that_of_the_last_change(client):
    before = await put(client)
    mirror = await open_mirror(client, "p/")
    assert mirror.revision >= before
    after = await put(client)
    await settle(mirror.wait(after))
    assert mirror.revision >= after
    assert mirror[b"p/k"].mod_revision == after


async def test_waiting_for_a_change_in_the_prefix_ends_once_it_is_applied(client):
    mirror = await open_mirror(client, "p/")
    for number in range(50):
        assert await settle(mirror.wait(await put(client, value=str(number)))) is None
        assert mirror.get("p/k").number() == number


async def test_waiting_for_a_change_elsewhere_ends_once_all_before_it_are_applied(client):
    mirror = await open_mirror(client, "p/")
    for number in range(10):
        await put(client, value=str(number))
        elsewhere = await put(client, "q")
        await settle(mirror.wait(elsewhere))
        assert mirror.revision >= elsewhere
        assert mirror.get("p/k").number() == number


async def test_waiting_for_the_past_needs_no_server(make, fragile):
    client = make(hosts=[fragile.endpoint])
    before = await put(client)
    mirror = await open_mirror(client)
    fragile.pause()
    for revision in (0, before, mirror.revision):
        assert await settle(mirror.wait(revision, timeout=0)) is None


async def test_waiting_for_a_future_change_ends_once_it_is_made(face, make, client):
    mirror = await open_mirror(client, "p/")
    wanted = mirror.revision + 2
    waiting = face.begin(lambda: mirror.wait(wanted))
    await put(make())
    await put(make(), "q")
    await in_time(waiting)


async def test_many_callers_wait_for_a_revision_each(face, client):
    mirror = await open_mirror(client, "p/")
    here = mirror.revision
    waiting = [face.begin(lambda n=n: mirror.wait(here + n)) for n in range(1, 21)]
    for number in range(20):
        await put(client, "p/k" if number % 2 else "q")
    await in_time(asyncio.gather(*waiting))


async def test_waiting_does_not_end_before_a_delayed_change_is_applied(face, client, other, watches):
    mirror = await open_mirror(client, "p/")
    watches.hold()
    await put(other)
    last = await put(other, "q")
    waiting = face.begin(lambda: mirror.wait(last))
    early = face.begin(lambda: mirror.wait(last, timeout=0.3))  # long enough to have asked
    with pytest.raises(errors.DeadlineExceededError):
        await early
    assert (waiting.done(), mirror.get("p/k").string()) == (False, None)
    watches.release()
    await in_time(waiting)
    assert mirror.get("p/k").string() == "v"


HIDDEN = {
    "a deletion": [ops.delete().key("p/a")],
    "an overwriting": [ops.put("p/a").value("w")],
    "as many keys as before": [ops.delete().key("p/a"), ops.put("p/c").value("w")],
    "a key that is new again": [ops.delete().key("p/a"), ops.put("p/a").value("w")],
}


@pytest.mark.parametrize("name", HIDDEN)
async def test_waiting_for_a_later_revision_does_not_miss_a_delayed_change(face, client, other, watches, name):
    await fill(client, {"p/a": "v", "p/b": "v"})
    mirror = await open_mirror(client, "p/")
    watches.hold()
    await settle(other.batch(HIDDEN[name]))
    last = await put(other, "q")
    with pytest.raises(errors.DeadlineExceededError):
        await face.begin(lambda: mirror.wait(last, timeout=0.2))
    assert mirror.revision < last
    watches.release()
    await settle(mirror.wait(last))
    assert mirror == {kv.key: kv for kv in await settle(client.get_all().prefix("p/").kvs())}


# --- what goes wrong


async def test_a_revision_that_is_not_reached_is_a_deadline_error_with_the_present_one(client):
    mirror = await open_mirror(client, "p/")
    error = await failure(lambda: mirror.wait(FAR, timeout=0.2))
    assert type(error) is errors.DeadlineExceededError
    here = f"the mirror of b'p/' is at revision {mirror.revision}, and did not reach {FAR} within 0.2 s"
    assert here in str(error)


async def test_the_default_timeout_is_that_of_the_service(client):
    mirror = await open_mirror(client.with_options(timeout=0.3), "p/")
    assert "within 0.3 s" in str(await failure(lambda: mirror.wait(FAR)))


async def test_the_deadline_error_of_a_paused_server_has_the_present_revision_too(make, fragile):
    mirror = await open_mirror(make(hosts=[fragile.endpoint]), "p/")
    fragile.pause()
    error = await failure(lambda: mirror.wait(FAR, timeout=0.5))
    assert type(error) is errors.DeadlineExceededError
    assert f"is at revision {mirror.revision}, and did not reach {FAR}" in str(error)


async def test_waiting_continues_while_the_server_is_down(face, make, fragile):
    client = make(hosts=[fragile.endpoint], dial_timeout=0.2)
    mirror = await open_mirror(client, "p/")
    wanted = mirror.revision + 1
    fragile.kill()
    waiting = face.begin(lambda: mirror.wait(wanted, timeout=BOUND))
    error = await failure(lambda: mirror.wait(wanted, timeout=1))  # by then an attempt has failed
    assert type(error) is errors.DeadlineExceededError
    fragile.start()
    await put(make(hosts=[fragile.endpoint]))
    await in_time(waiting)


@pytest.mark.parametrize(
    ("revision", "kind"), [("1", TypeError), (1.0, TypeError), (None, TypeError), (-1, ValueError)]
)
async def test_a_revision_must_be_an_int_that_is_not_negative(client, revision, kind):
    mirror = await open_mirror(client)
    with pytest.raises(kind, match="a revision must"):
        await settle(mirror.wait(revision))


async def test_waiting_on_a_closed_mirror_is_an_error(client):
    mirror = await open_mirror(client)
    await settle(mirror.close())
    for revision in (0, FAR):
        with pytest.raises(errors.ClientClosedError, match="this mirror is closed"):
            await settle(mirror.wait(revision))


@pytest.mark.parametrize("end", ["mirror", "client"])
async def test_closing_ends_waiting_callers_with_an_error(face, make, end):
    client = make()
    mirror = await open_mirror(client, "p/")
    waiting = [face.begin(lambda: mirror.wait(FAR, timeout=BOUND)) for _ in range(3)]
    await asyncio.sleep(0)
    await (settle(mirror.close()) if end == "mirror" else closed(client))
    raised = await in_time(asyncio.gather(*waiting, return_exceptions=True))
    assert [type(error) for error in raised] == [errors.ClientClosedError] * 3
