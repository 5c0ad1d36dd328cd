"""How far a mirror is, and waiting until it is as far as a revision."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory import errors, ops
from tests.support.faces import closed, fill, settle
from tests.support.gates import BOUND, hearing

from .test_mirror import opened

FAR = 10**9  # a revision that these stores never have


@pytest.fixture
def streams(client):
    """The client's streams; used before the first of them."""
    with hearing(client) as gate:
        yield gate


async def put(client, key="p/k", value="v"):
    """The revision of a put."""
    return (await settle(client.put(key).value(value))).revision


def soon(given):
    return asyncio.wait_for(given, BOUND)


async def test_the_revision_is_that_of_the_read_and_then_that_of_the_last_change(client):
    before = await put(client)
    mirror = await opened(client, "p/")
    assert mirror.revision >= before
    after = await put(client)
    await settle(mirror.wait(after))
    assert mirror.revision >= after
    assert mirror[b"p/k"].mod_revision == after


async def test_waiting_for_a_change_of_the_prefix_is_until_it_is_there(client):
    mirror = await opened(client, "p/")
    for number in range(50):
        assert await settle(mirror.wait(await put(client, value=str(number)))) is None
        assert mirror.get("p/k").number() == number


async def test_waiting_for_a_change_elsewhere_is_until_all_before_it_is_there(client):
    mirror = await opened(client, "p/")
    for number in range(10):
        await put(client, value=str(number))
        elsewhere = await put(client, "q")
        await settle(mirror.wait(elsewhere))
        assert mirror.revision >= elsewhere
        assert mirror.get("p/k").number() == number


async def test_waiting_for_the_past_needs_no_server(make, fragile):
    client = make(hosts=[fragile.endpoint])
    before = await put(client)
    mirror = await opened(client)
    fragile.pause()
    for revision in (0, before, mirror.revision):
        assert await settle(mirror.wait(revision, timeout=0)) is None


async def test_waiting_is_for_a_change_that_another_is_yet_to_make(face, make, client):
    mirror = await opened(client, "p/")
    wanted = mirror.revision + 2
    waiting = face.begin(lambda: mirror.wait(wanted))
    await put(make())
    await put(make(), "q")
    await soon(waiting)


async def test_many_wait_at_once_each_for_its_own_revision(face, client):
    mirror = await opened(client, "p/")
    here = mirror.revision
    waiting = [face.begin(lambda n=n: mirror.wait(here + n)) for n in range(1, 21)]
    for number in range(20):
        await put(client, "p/k" if number % 2 else "q")
    await soon(asyncio.gather(*waiting))


async def test_waiting_while_the_watch_is_held_up_is_not_over_before_the_change_is_there(face, client, make, streams):
    mirror, other = await opened(client, "p/"), make()
    streams.shut()
    await put(other)
    last = await put(other, "q")
    waiting = face.begin(lambda: mirror.wait(last))
    early = face.begin(lambda: mirror.wait(last, timeout=0.3))  # long enough to have asked
    with pytest.raises(errors.DeadlineExceededError):
        await early
    assert (waiting.done(), mirror.get("p/k").string()) == (False, None)
    streams.open()
    await soon(waiting)
    assert mirror.get("p/k").string() == "v"


HIDDEN = {
    "a deletion": [ops.delete().key("p/a")],
    "an overwriting": [ops.put("p/a").value("w")],
    "as many keys as before": [ops.delete().key("p/a"), ops.put("p/c").value("w")],
    "a key that is new again": [ops.delete().key("p/a"), ops.put("p/a").value("w")],
}


@pytest.mark.parametrize("name", HIDDEN)
async def test_a_change_that_is_on_its_way_is_not_overlooked_in_waiting_for_a_later_one(
    face, client, make, streams, name
):
    await fill(client, {"p/a": "v", "p/b": "v"})
    mirror, other = await opened(client, "p/"), make()
    streams.shut()
    await settle(other.batch(HIDDEN[name]))
    last = await put(other, "q")
    with pytest.raises(errors.DeadlineExceededError):
        await face.begin(lambda: mirror.wait(last, timeout=0.2))
    assert mirror.revision < last
    streams.open()
    await settle(mirror.wait(last))
    assert mirror == {kv.key: kv for kv in await settle(client.get_all().prefix("p/").kvs())}


# --- what goes wrong


async def refused(mirror, revision, **options):
    """The error of waiting."""
    with pytest.raises(errors.EtcdError) as caught:
        await settle(mirror.wait(revision, **options))
    return caught.value


async def test_a_revision_that_does_not_come_is_a_deadline_error_that_says_where_it_is(client):
    mirror = await opened(client, "p/")
    error = await refused(mirror, FAR, timeout=0.2)
    assert type(error) is errors.DeadlineExceededError
    here = f"the mirror of b'p/' is at revision {mirror.revision}, and did not reach {FAR} within 0.2 s"
    assert here in str(error)


async def test_the_timeout_is_the_services_if_none_is_given(client):
    mirror = await opened(client.with_options(timeout=0.3), "p/")
    assert "within 0.3 s" in str(await refused(mirror, FAR))


async def test_the_deadline_error_of_a_server_that_stands_still_says_where_it_is_too(make, fragile):
    mirror = await opened(make(hosts=[fragile.endpoint]), "p/")
    fragile.pause()
    error = await refused(mirror, FAR, timeout=0.5)
    assert type(error) is errors.DeadlineExceededError
    assert f"is at revision {mirror.revision}, and did not reach {FAR}" in str(error)


async def test_waiting_goes_on_while_the_server_is_away(face, make, fragile):
    client = make(hosts=[fragile.endpoint], dial_timeout=0.2)
    mirror = await opened(client, "p/")
    wanted = mirror.revision + 1
    fragile.kill()
    waiting = face.begin(lambda: mirror.wait(wanted, timeout=BOUND))
    error = await refused(mirror, wanted, timeout=1)  # by then it has been tried in vain
    assert type(error) is errors.DeadlineExceededError
    fragile.start()
    await put(make(hosts=[fragile.endpoint]))
    await soon(waiting)


@pytest.mark.parametrize(
    ("revision", "kind"), [("1", TypeError), (1.0, TypeError), (None, TypeError), (-1, ValueError)]
)
async def test_a_revision_is_a_whole_number(client, revision, kind):
    mirror = await opened(client)
    with pytest.raises(kind, match="a revision is"):
        await settle(mirror.wait(revision))


async def test_waiting_on_a_closed_mirror_is_an_error(client):
    mirror = await opened(client)
    await settle(mirror.close())
    for revision in (0, FAR):
        with pytest.raises(errors.ClientClosedError, match="this mirror is closed"):
            await settle(mirror.wait(revision))


@pytest.mark.parametrize("end", ["mirror", "client"])
async def test_those_who_wait_are_told_of_the_end(face, make, end):
    client = make()
    mirror = await opened(client, "p/")
    waiting = [face.begin(lambda: mirror.wait(FAR, timeout=BOUND)) for _ in range(3)]
    await asyncio.sleep(0)
    await (settle(mirror.close()) if end == "mirror" else closed(client))
    told = await soon(asyncio.gather(*waiting, return_exceptions=True))
    assert [type(error) for error in told] == [errors.ClientClosedError] * 3
