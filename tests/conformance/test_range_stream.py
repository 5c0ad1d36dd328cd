"""Large reads as streams, on real connections: a server in this process, as no released etcd here has RangeStream."""

import gc

import grpc
import pytest

from etcd_factory import ops
from etcd_factory.core.call import pages
from tests.support.etcd_versions import STREAMS_RANGES, need_before
from tests.support.faces import is_async, listed, settle
from tests.support.range_streams import Handler, RangeServer, listening

FIRST = 1_000
MANY = [b"k%05d" % number for number in range(6_000)]
VALUE = b"v" * 2_000


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(pages, "FIRST_COLLECTED", FIRST)
    monkeypatch.setattr(pages, "MOST", FIRST)


@pytest.fixture
def server():
    return RangeServer(MANY, VALUE)


@pytest.fixture
def handler(server):
    return Handler(server)


@pytest.fixture(params=["h2", "grpc"])
def client(make, handler, request):
    with listening(handler) as host:
        yield make(hosts=[host], namespace="", transport=request.param)


async def test_all_keys_are_collected(client, handler, small_pages):
    found = await settle(client.get_all().bytes())
    assert list(found) == MANY
    assert set(found.values()) == {VALUE}
    assert handler.ended.is_set()
    assert handler.sent > 3


async def test_all_keys_are_iterated_over(client, handler):
    assert [kv.key for kv in await listed(client.get_all())] == MANY
    assert handler.sent > 3


async def test_an_iteration_that_is_left_early_ends_the_stream(client, handler):
    if is_async(client):
        found = client.get_all().__aiter__()
        for _ in range(FIRST + 1):
            await found.__anext__()
        await found.aclose()
    else:
        found = iter(client.get_all())
        for _ in range(FIRST + 1):
            next(found)
        del found
        gc.collect()
    assert handler.ended.wait(30)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL], ids=lambda code: code.name)
async def test_pages_go_on_where_a_stream_breaks(client, server, handler, code):
    server.breaks = [(3, code)]
    assert [kv.key for kv in await listed(client.get_all())] == MANY
    assert handler.sent == 3


async def test_a_server_that_has_no_streams_sends_pages(client, server, handler):
    server.refuses = {"all": None}
    assert [kv.key for kv in await listed(client.get_all())] == MANY
    assert handler.sent == 0


# --- a real etcd


async def test_an_etcd_without_streams_is_asked_once(make, recorded, etcd_server):
    need_before(STREAMS_RANGES, etcd_server.version)
    client = make(transport=recorded)
    names = [f"k{number:05}" for number in range(1_400)]
    await settle(client.batch([ops.put(name).value(bytes(8_000)) for name in names]))
    for _ in range(2):
        assert [kv.key_text for kv in await listed(client.get_all())] == names
    assert [stream.call.method for stream in recorded.streams] == ["RangeStream"]
    assert len(recorded.requests("Range")) > 3
