"""The configuration center's calls: what they check, what they ask etcd for, and what they return."""

from __future__ import annotations

import pytest

from etcd_factory import KeyValue
from etcd_factory.configcenter import Version
from etcd_factory.errors import CompactedError, ConfigError, KeyNotFoundError
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.config_centers import CENTERS, Settings
from tests.support.faces import FACES, closed, settle
from tests.support.transports import Recorded

COMPACTED = "etcdserver: mvcc: required revision has been compacted"


@pytest.fixture
def scripted(face, connect):
    """A function that returns a configuration center on a script, and its transport."""

    def create(*args, steps=None, **options):
        transport = Recorded(ScriptedTransport(steps or {}))
        client, _ = connect(transport)
        return CENTERS[face.name](client, *args, **options), transport

    return create


def reads(*found):
    """The reply to a transaction of reads: for each a value, or None if the key is missing."""
    return replies.txn(*[replies.get({"k": one}) if one is not None else replies.get() for one in found])


# --- creating one


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ({"instance": ""}, ValueError),
        ({"instance": "a/b"}, ValueError),
        ({"groups": ["a", ""]}, ValueError),
        ({"instance": 5}, TypeError),
    ],
)
def test_an_invalid_name_is_refused_at_once(scripted, names, error):
    with pytest.raises(error, match="the name of an instance or a group must"):
        scripted(**names)


@pytest.mark.parametrize("given", [{}, "etcd", None])
def test_what_is_not_a_client_is_refused(face, given):
    with pytest.raises(TypeError, match=f"needs an {face.service.__name__}, not {type(given).__name__}"):
        CENTERS[face.name](given)


async def test_a_client_of_the_other_face_is_refused(face):
    (other,) = [one for one in FACES if one is not face]
    client = other.service()
    with pytest.raises(TypeError, match=f"needs an {face.service.__name__}, not {other.service.__name__}"):
        CENTERS[face.name](client)
    await closed(client)


# --- single values


@pytest.mark.parametrize(
    ("prefix", "key"), [("app", b"app/k"), ("app/", b"app/k"), ("a/b//", b"a/b/k"), ("", b"k"), ("/app", b"/app/k")]
)
async def test_a_prefix_ends_with_one_slash(scripted, prefix, key):
    center, transport = scripted(prefix, steps={"Put": replies.put(revision=3)})
    saved = await settle(center.save("k", [1, "a"]))
    (put,) = transport.requests("Put")
    assert (put.key, put.value, saved.revision) == (key, b'[1, "a"]', 3)


async def test_a_value_for_one_name_is_stored_below_that_name(scripted):
    center, transport = scripted(steps={"Put": replies.put(), "DeleteRange": [replies.delete(1), replies.delete(0)]})
    await settle(center.save("db/port", 1, only="w1"))
    deleted = [await settle(center.delete("db/port", only="w1")) for _ in range(2)]
    assert {call.request.key for call in transport.calls} == {b"config/@w1/db/port"}
    assert deleted == [True, False]


async def test_a_value_is_read_in_every_spelling_for_every_name_the_most_specific_first(scripted):
    center, transport = scripted(groups=["one", "two"], instance="w1", steps={"Txn": reads(*[None] * 8)})
    assert await settle(center.get("db.port", 7)) == 7
    (txn,) = transport.requests("Txn")
    keys = [f"config/{below}{key}" for below in ("@w1/", "@two/", "@one/", "") for key in ("db.port", "db/port")]
    assert [one.request_range.key.decode() for one in txn.success] == keys


async def test_the_first_value_that_exists_applies(scripted):
    answers = [reads(None, None, None, "2"), reads(None, "1", "2", "3"), reads(None, None)]
    center, _ = scripted(instance="w1", steps={"Txn": answers})
    found = [await settle(center.get(key)) for key in ("a/b", "a/b", "a")]
    assert found == [2, 1, None]


async def test_a_read_is_repeated_after_its_connection_broke(scripted):
    center, transport = scripted(steps={"Txn": [replies.lost(), reads("5")]})
    assert await settle(center.get("k")) == 5
    assert transport.names() == ["Txn", "Txn"]


async def test_a_stored_value_that_is_not_yaml_is_an_error_that_names_its_key(scripted):
    center, _ = scripted(steps={"Txn": replies.txn(replies.get({"config/k": "[hunter2"}))})
    with pytest.raises(ConfigError, match=r"^etcd config/k: is not valid YAML") as caught:
        await settle(center.get("k"))
    assert "hunter2" not in str(caught.value)


CALLS = {
    "save": lambda center, key: center.save(key, 1),
    "get": lambda center, key: center.get(key),
    "delete": lambda center, key: center.delete(key),
    "history": lambda center, key: center.history(key),
    "rollback": lambda center, key: center.rollback(key, 1),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("key", "error"), [("", ValueError), ("a//b", ValueError), ("@a/b", ValueError), (5, TypeError)]
)
async def test_an_invalid_key_is_refused_before_anything_is_sent(scripted, call, key, error):
    center, transport = scripted()
    with pytest.raises(error, match="key"):
        await settle(CALLS[call](center, key))
    assert transport.calls == []


# --- the whole configuration


async def test_it_is_loaded_by_one_read_of_the_prefix(scripted):
    keys = {"config/level": "debug", "config/db/port": "1", "config/@w1/level": "trace"}
    center, transport = scripted(instance="w1", steps={"Range": replies.get(keys)})
    assert (await settle(center.load(Settings))).level == "trace"
    assert await settle(center.load()) == {"level": "trace", "db": {"port": 1}}
    assert {(read.key, read.range_end) for read in transport.requests("Range")} == {(b"config/", b"config0")}


@pytest.mark.parametrize("call", ["load", "live"])
async def test_a_class_that_cannot_be_filled_is_refused_before_anything_is_read(scripted, call):
    center, transport = scripted()
    with pytest.raises(TypeError, match="is neither an attrs class, a dataclass nor a pydantic model"):
        await settle(getattr(center, call)(int))
    assert transport.calls == []


# --- earlier values


def version(value, revision):
    return replies.get(KeyValue(b"config/k", value, 1, revision, 1))


async def test_the_history_is_read_backwards_to_the_creation(scripted):
    center, transport = scripted(steps={"Range": [version(b"2", 9), version(b"[1]", 4), replies.get()]})
    assert await settle(center.history("k")) == [Version(9, 2), Version(4, [1])]
    assert [read.revision for read in transport.requests("Range")] == [0, 8, 3]


async def test_the_history_ends_at_the_last_compaction(scripted):
    center, _ = scripted(steps={"Range": [version(b"2", 9), replies.server_error(COMPACTED)]})
    assert await settle(center.history("k")) == [Version(9, 2)]


@pytest.mark.parametrize("limit", [0, 1, 2])
async def test_the_history_has_at_most_so_many_values(scripted, limit):
    center, transport = scripted(steps={"Range": version(b"2", 9)})
    assert len(await settle(center.history("k", limit=limit))) == limit
    assert len(transport.calls) == limit


async def test_a_rollback_saves_the_stored_text_again(scripted):
    center, transport = scripted(steps={"Range": version(b"{a: 1}", 4), "Put": replies.put(revision=12)})
    assert (await settle(center.rollback("k", 4, only="w1"))).revision == 12
    read, put = (call.request for call in transport.calls)
    assert (read.key, read.revision) == (b"config/@w1/k", 4)
    assert (put.key, put.value) == (b"config/@w1/k", b"{a: 1}")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (replies.get(), KeyNotFoundError, "'config/k' had no value at revision 4"),
        (replies.server_error(COMPACTED), CompactedError, "compacted"),
    ],
    ids=["missing", "compacted"],
)
async def test_a_rollback_that_is_impossible_writes_nothing(scripted, answer, error, text):
    center, transport = scripted(steps={"Range": answer})
    with pytest.raises(error, match=text):
        await settle(center.rollback("k", 4))
    assert transport.names() == ["Range"]


async def test_a_value_that_cannot_be_written_is_an_error_with_its_key(connect, face):
    client, transport = connect([])
    with pytest.raises(TypeError, match=r"^'config/x': .*object"):
        await settle(CENTERS[face.name](client).save("x", object()))
    assert transport.calls == []


def test_a_prefix_is_text(connect, face):
    with pytest.raises(TypeError, match=r"^a prefix must be a str, not int$"):
        CENTERS[face.name](connect([])[0], 3)
