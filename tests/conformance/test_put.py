"""Writing one key."""

import enum
import json

import pytest

from etcd_factory import KeyValue, PutResponse, errors
from tests.support.faces import settle


class Level(enum.IntEnum):
    HIGH = 3


class Colour(str, enum.Enum):
    RED = "red"


class Metres(float):
    def __repr__(self):
        return f"{float(self)} m"


class Lease:
    """An object that has the id of a lease."""

    def __init__(self, number):
        self.id = number


@pytest.fixture
def client(make, recorded):
    return make(transport=recorded)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("text", b"text"),
        ("", b""),
        ("ü", "ü".encode()),
        (b"\xff\x00", b"\xff\x00"),
        (12, b"12"),
        (-3, b"-3"),
        (1.5, b"1.5"),
        (2**70, b"1180591620717411303424"),
        (Colour.RED, b"red"),
    ],
    ids=repr,
)
async def test_a_value_is_stored_as_text_or_bytes(client, value, stored):
    await settle(client.put("k").value(value))
    assert await settle(client.get("k").bytes()) == stored


@pytest.mark.parametrize(("value", "stored"), [(Level.HIGH, b"3"), (Metres(1.5), b"1.5")], ids=["IntEnum", "float"])
async def test_a_number_of_a_subclass_is_stored_as_decimal_text(client, value, stored):
    await settle(client.put("k").value(value))
    assert await settle(client.get("k").bytes()) == stored


async def test_a_float_is_read_back_unchanged(client):
    for value in (0.1, 1e22, -1e-300):
        await settle(client.put("k").value(value))
        assert await settle(client.get("k").number()) == value


@pytest.mark.parametrize("value", [None, True, ["v"], {"a": 1}, bytearray(b"v"), memoryview(b"v"), object()], ids=type)
async def test_a_value_of_another_type_is_a_type_error_and_nothing_is_sent(client, recorded, value):
    with pytest.raises(TypeError, match="a value must be str, bytes, int or float, not"):
        await settle(client.put("k").value(value))
    assert recorded.calls == []


@pytest.mark.parametrize("key", [None, 1, True, ["k"], bytearray(b"k")], ids=repr)
async def test_a_key_of_another_type_is_a_type_error_at_once_and_nothing_is_sent(client, recorded, key):
    with pytest.raises(TypeError, match="a key must be str or bytes, not"):
        client.put(key)
    assert recorded.calls == []


async def test_json_is_stored_as_json(client):
    await settle(client.put("k").json({"a": [1, None, "ü"]}))
    assert json.loads(await settle(client.get("k").bytes())) == {"a": [1, None, "ü"]}


async def test_a_value_that_json_cannot_encode_is_a_type_error_and_nothing_is_sent(client, recorded):
    with pytest.raises(TypeError):
        await settle(client.put("k").json(object()))
    assert recorded.calls == []


async def test_a_put_returns_its_revision_and_by_default_no_previous_value(client):
    await settle(client.put("k").value("old"))
    done = await settle(client.put("k").value("new"))
    assert done == PutResponse((await settle(client.get("k").kv())).mod_revision)


async def test_previous_returns_the_previous_value(client):
    first = await settle(client.put("k").previous().value("old"))
    second = await settle(client.put("k").previous().value("new"))
    assert first.previous is None
    assert second.previous == KeyValue(b"k", b"old", first.revision, first.revision, 1)


@pytest.mark.parametrize("kind", [int, Lease], ids=["id", "lease"])
async def test_a_key_is_attached_to_its_lease(client, lease, etcdctl, kind):
    await settle(client.put("k").lease(kind(lease)).value("v"))
    assert (await settle(client.get("k").kv())).lease == lease
    assert "k" in etcdctl("lease", "timetolive", f"{lease:x}", "--keys")


@pytest.mark.parametrize("given", ["1", None, True, 1.5], ids=repr)
def test_a_lease_of_another_type_is_a_type_error_at_once(client, given):
    with pytest.raises(TypeError):
        client.put("k").lease(given)


async def test_an_unknown_lease_is_an_error(client):
    with pytest.raises(errors.LeaseNotFoundError) as caught:
        await settle(client.put("k").lease(12345).value("v"))
    assert caught.value.code == "NOT_FOUND"
    assert not await settle(client.get("k").exists())


async def test_a_put_detaches_the_lease_unless_it_is_kept(client, lease):
    await settle(client.put("k").lease(lease).value("one"))
    await settle(client.put("k").ignore_lease().value("two"))
    assert (await settle(client.get("k").kv())).lease == lease
    await settle(client.put("k").value("three"))
    assert (await settle(client.get("k").kv())).lease == 0


async def test_keeping_the_lease_of_a_missing_key_is_an_error(client):
    with pytest.raises(errors.KeyNotFoundError):
        await settle(client.put("k").ignore_lease().value("v"))


async def test_a_touch_keeps_the_value_and_raises_the_version(client):
    await settle(client.put("k").value("v"))
    touched = await settle(client.put("k").previous().touch())
    found = await settle(client.get("k").kv())
    assert (found.text, found.version, found.mod_revision) == ("v", 2, touched.revision)
    assert touched.previous.version == 1


async def test_a_touch_with_a_lease_lets_the_key_live_with_it(client, lease):
    await settle(client.put("k").value("v"))
    await settle(client.put("k").lease(lease).touch())
    found = await settle(client.get("k").kv())
    assert (found.text, found.lease) == ("v", lease)


async def test_a_touch_of_a_missing_key_is_an_error(client):
    with pytest.raises(errors.KeyNotFoundError):
        await settle(client.put("k").touch())
    assert not await settle(client.get("k").exists())


async def test_a_modifier_leaves_the_builder_as_it_was(client, lease):
    plain = client.put("k")
    plain.lease(lease).previous().ignore_lease()
    done = await settle(plain.value("v"))
    assert done.previous is None
    assert (await settle(client.get("k").kv())).lease == 0


async def test_a_builder_can_be_used_twice(client):
    put = client.put("k").previous()
    await settle(put.value("one"))
    assert (await settle(put.value("two"))).previous.text == "one"
    assert await settle(client.get("k").string()) == "two"
