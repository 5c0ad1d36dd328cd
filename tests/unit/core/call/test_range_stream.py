"""Large reads as streams of etcd 3.7: when there is one, and how pages take its place."""

import gc

import pytest

from etcd_factory.core.call import pages
from etcd_factory.core.call.range_stream import UNSTREAMED, is_streamable
from etcd_factory.errors import CompactedError, PermissionDeniedError
from etcd_factory.testing import replies
from tests.support.faces import failure, is_async, listed, settle, walk
from tests.support.range_streams import COMPACTED, PROXY, UNKNOWN, RangeServer

FIRST, FIRST_COLLECTED, MOST = 50, 100, 80  # keys of a page: fewer than usual
MANY = [b"k%06d" % number for number in range(400)]
TEXTS = [key.decode() for key in MANY]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    for name, keys in {"FIRST": FIRST, "FIRST_COLLECTED": FIRST_COLLECTED, "MOST": MOST}.items():
        monkeypatch.setattr(pages, name, keys)


@pytest.fixture
def server():
    return RangeServer(MANY)


@pytest.fixture
def client(server, connect):
    client, server.transport = connect(server.script)
    return client


def calls(server):
    return [call.method for call in server.transport.calls]


def streams(server):
    return [call for call in server.transport.calls if call.method == "RangeStream"]


async def test_what_the_first_page_leaves_is_streamed(server, client):
    found = await settle(client.get_all().strings())
    assert list(found) == TEXTS
    assert set(found.values()) == {"v"}
    assert calls(server) == ["Range", "RangeStream"]
    assert server.open == 0


async def test_a_stream_has_the_revision_of_the_first_page_and_begins_after_its_last_key(server, client):
    await settle(client.get_all().keys())
    request = streams(server)[0].request
    assert (request.revision, request.key) == (server.revision, MANY[FIRST_COLLECTED - 1] + b"\0")
    assert (request.range_end, request.keys_only, request.limit) == (b"\0", True, 0)


async def test_iterating_streams_too(server, client):
    found = await listed(client.get_all().prefix("k"))
    assert [kv.key for kv in found] == MANY
    assert calls(server) == ["Range", "RangeStream"]


async def test_one_that_fits_into_a_page_is_not_streamed(server, client):
    server.keys = MANY[:FIRST_COLLECTED]
    assert len(await settle(client.get_all().kvs())) == FIRST_COLLECTED
    assert calls(server) == ["Range"]


async def test_one_whose_rest_fits_into_another_page_is_not_streamed(server, client):
    server.keys = MANY[: FIRST_COLLECTED + MOST]
    assert len(await settle(client.get_all().kvs())) == FIRST_COLLECTED + MOST
    assert calls(server) == ["Range", "Range"]


@pytest.mark.parametrize(
    "limited", [1, FIRST, FIRST_COLLECTED, FIRST_COLLECTED + 1, 300, len(MANY) - 1, len(MANY), len(MANY) + 1]
)
async def test_a_limit_counts_across_page_and_stream(server, client, limited):
    reader = client.get_all().limit(limited)
    assert await settle(reader.keys()) == TEXTS[:limited]
    assert [kv.key for kv in await listed(reader)] == MANY[:limited]


@pytest.mark.parametrize(("limit", "streamed"), [(FIRST_COLLECTED + MOST, False), (FIRST_COLLECTED + MOST + 1, True)])
async def test_the_limit_that_is_left_decides_whether_it_is_streamed(server, client, limit, streamed):
    await settle(client.get_all().limit(limit).keys())
    assert calls(server) == ["Range", "RangeStream" if streamed else "Range"]


@pytest.mark.parametrize("name", UNSTREAMED)
def test_what_is_sorted_or_filtered_is_not_streamable(name):
    assert is_streamable({"key": b"k", "limit": 3, "serializable": True, "keys_only": True, "revision": 4})
    assert not is_streamable({"key": b"k", name: "KEY" if name.startswith("sort") else 5})


SORTED = {
    "sorted": lambda reader: reader.sort("key"),
    "filtered": lambda reader: reader.min_mod_revision(3),
}


@pytest.mark.parametrize("how", SORTED)
async def test_what_is_sorted_or_filtered_is_read_in_pages(server, client, how):
    assert await settle(SORTED[how](client.get_all()).keys()) == TEXTS
    assert set(calls(server)) == {"Range"}


async def test_a_mirror_is_loaded_by_one(connect):
    server = RangeServer(MANY)
    client, server.transport = connect({**server.script, "Watch": replies.watch(revision=server.revision)})
    mirror = await settle(client.mirror("k"))
    assert (len(mirror), mirror.revision, calls(server)[:2]) == (len(MANY), server.revision, ["Range", "RangeStream"])
    await settle(mirror.close())


async def test_the_namespace_is_cut_off_its_keys(connect):
    server = RangeServer([b"app/" + key for key in MANY])
    client, server.transport = connect(server.script, namespace="app/")
    assert await settle(client.get_all().keys()) == TEXTS
    request = streams(server)[0].request
    assert (request.key, request.range_end) == (b"app/" + MANY[FIRST_COLLECTED - 1] + b"\0", b"app0")


# --- servers that do not stream


@pytest.mark.parametrize("refusal", [UNKNOWN, PROXY], ids=["an older etcd", "grpc-proxy"])
async def test_a_refusal_means_pages_and_is_remembered(server, client, refusal):
    server.refuses = dict.fromkeys(("http://127.0.0.1:2379",), refusal)
    for _ in range(2):
        assert await settle(client.get_all().keys()) == TEXTS
    assert [kv.key for kv in await listed(client.get_all())] == MANY
    assert len(streams(server)) == 1


async def test_a_refusal_is_remembered_for_its_host(server, connect):
    server.refuses = {"http://a:1": UNKNOWN}
    client, server.transport = connect(server.script, hosts=["a:1", "b:1"])
    assert await settle(client.get_all().keys()) == TEXTS
    server.away = {"http://a:1"}
    assert await settle(client.get_all().keys()) == TEXTS
    assert [call.host for call in streams(server)] == ["http://a:1", "http://b:1"]


# --- streams that break

BROKEN = {
    "by an error": replies.lost(),
    "by a server's error": replies.server_error("etcdserver: mvcc: something", "INTERNAL"),
    "by an end before the last message": replies.END,
}


@pytest.mark.parametrize("end", BROKEN)
@pytest.mark.parametrize("chunks", [1, 3])
async def test_pages_go_on_after_the_last_key_of_one_that_broke(server, client, chunks, end):
    server.breaks = [(chunks, BROKEN[end])]
    assert await settle(client.get_all().keys()) == TEXTS
    assert calls(server)[:2] == ["Range", "RangeStream"]
    assert set(calls(server)[2:]) == {"Range"}
    assert {call.request.revision for call in server.transport.calls[1:]} == {server.revision}


async def test_pages_go_on_where_a_stream_ends_without_a_message(server, client):
    server.breaks = [(0, replies.END)]
    assert [kv.key for kv in await listed(client.get_all())] == MANY


async def test_pages_go_on_where_a_stream_stalls(server, connect, face):
    client, server.transport = connect(server.script, timeout=0.2)
    server.breaks = [(2, None)]
    assert await face.begin(lambda: client.get_all().keys()) == TEXTS
    assert server.open == 0


async def test_one_that_cannot_be_begun_is_begun_again_on_the_next_host(server, connect):
    client, server.transport = connect(server.script, hosts=["a:1", "b:1"])
    server.refuses = {"http://a:1": replies.lost()}
    assert await settle(client.get_all().keys()) == TEXTS
    assert [call.host for call in streams(server)] == ["http://a:1", "http://b:1"]


async def test_what_it_raises_at_its_begin_is_the_error_of_the_read(server, client):
    server.refuses = {"http://127.0.0.1:2379": replies.server_error("etcdserver: permission denied")}
    error = await failure(lambda: client.get_all().keys(), PermissionDeniedError)
    assert (error.operation, error.maybe_applied) == ("get b''", False)


@pytest.fixture
def compacted(server):
    """The stream breaks as its revision is compacted, which later pages of that meet too."""
    server.compacted = server.revision
    server.breaks = [(2, COMPACTED)]


async def test_a_read_begins_anew_if_its_revision_is_compacted_meanwhile(client, compacted):
    assert await settle(client.get_all().keys()) == TEXTS


async def test_an_iteration_whose_revision_is_compacted_says_so(server, client, compacted):
    with pytest.raises(CompactedError, match=f"the iteration was at {server.revision}") as caught:
        await listed(client.get_all())
    assert caught.value.operation == "get b''"


# --- in a forked child


async def test_pages_go_on_in_a_forked_child_and_leave_the_stream_to_the_parent(server, client):
    walked = walk(client.get_all())
    found = [(await walked.__anext__()).key for _ in range(FIRST + 5)]
    client._run.client.forget()
    found += [kv.key async for kv in walked]
    assert found == MANY
    assert calls(server) == ["Range", "RangeStream", "Range", "Range", "Range", "Range", "Range"]
    assert server.open == 1


async def test_leaving_an_iteration_in_a_forked_child_does_not_end_the_stream_of_the_parent(server, client):
    leave = await begun(client)
    client._run.client.forget()
    await leave()
    assert server.open == 1


# --- ending one early


async def test_an_iteration_that_is_left_early_ends_its_stream(server, client):
    leave = await begun(client)
    assert server.open == 1
    await leave()
    assert server.open == 0


async def begun(client):
    """Begin an iteration that streams; returns what leaves it."""
    if is_async(client):
        waiting = client.get_all().__aiter__()
        for _ in range(FIRST + 5):
            await waiting.__anext__()
        return waiting.aclose
    found = iter(client.get_all())
    for _ in range(FIRST + 5):
        next(found)

    async def leave():
        nonlocal found
        del found
        gc.collect()

    return leave
