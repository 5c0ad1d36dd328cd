"""Reading single keys from a mirror: the same readers as the service's, with the same results and errors."""

from __future__ import annotations

import inspect

import pytest

from etcd_factory import errors
from tests.support.faces import failure, fill, settle
from tests.support.mirroring import caught_up, open_mirror, read_fresh

TERMINALS = ["string", "bytes", "json", "number", "exists", "kv"]
VALUES = {
    "text": "значение",
    "int": "12",
    "float": "1.5",
    "json": '{"a": [1, null]}',
    "empty": "",
    "no text": b"\xff\xfe",
    "no json": "{",
    "no number": "1_000",
    "missing": None,
}


async def outcome(call):
    """Return the result with its type, or the error with its text."""
    try:
        found = await settle(call())
    except (ValueError, errors.EtcdError) as error:
        return type(error), str(error)
    return type(found), found


@pytest.fixture
async def mirror(client):
    """A mirror of every kind of value."""
    await fill(client, {f"p/{name}": value for name, value in VALUES.items() if value is not None})
    return await open_mirror(client, "p/")


@pytest.mark.parametrize("fresh", [False, True], ids=["plain", "fresh"])
@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("name", VALUES)
async def test_a_reader_returns_what_that_of_the_service_returns(client, mirror, name, terminal, fresh):
    expected = await outcome(getattr(client.get(f"p/{name}"), terminal))
    assert await outcome(getattr(mirror.get(f"p/{name}", fresh=fresh), terminal)) == expected


@pytest.mark.parametrize("fresh", [False, True], ids=["plain", "fresh"])
async def test_a_reader_after_a_change_returns_what_that_of_the_service_returns(client, mirror, fresh):
    await settle(client.put("p/int").value("13"))
    await settle(client.delete().key("p/text"))
    await caught_up(mirror, client)
    for key in ("p/int", "p/text", "p/float"):
        assert await settle(mirror.get(key, fresh=fresh).kv()) == await settle(client.get(key).kv())


async def test_a_key_is_text_or_bytes(mirror):
    assert mirror.get("p/int").string() == mirror.get(b"p/int").string() == "12"
    assert await settle(mirror.get(b"p/int", fresh=True).string()) == "12"


@pytest.mark.parametrize("key", [None, 1, ["k"]], ids=repr)
async def test_a_key_of_another_type_is_a_type_error_at_once(mirror, key):
    for fresh in (False, True):
        with pytest.raises(TypeError, match="a key must be str or bytes"):
            mirror.get(key, fresh=fresh)


async def test_a_plain_read_is_not_awaited_and_a_fresh_one_is(face, mirror):
    assert mirror.get("p/int").number() == 12
    number = mirror.get("p/int", fresh=True).number()
    assert inspect.isawaitable(number) == (face.name == "asyncio")
    assert await settle(number) == 12


async def test_a_read_can_be_used_again(client, mirror):
    plain, linearizable = mirror.get("p/int"), mirror.get("p/int", fresh=True)
    assert plain.string() == await settle(linearizable.string()) == "12"
    await settle(client.put("p/int").value("13"))
    assert await settle(linearizable.string()) == plain.string() == "13"


async def test_a_key_outside_its_prefix_is_none(client, mirror):
    await settle(client.put("q").value("v"))
    brief = await open_mirror(client.with_options(timeout=2), "p/")
    await settle(client.put("q").value("w"))
    assert brief.get("q").string() is None
    assert await settle(brief.get("q", fresh=True).string()) is None


async def test_keys_are_relative_to_the_namespace(client):
    inner = client.namespace("in/")
    mirror = await open_mirror(inner)
    await settle(inner.put("k").value("v"))
    assert await settle(mirror.get("k", fresh=True).string()) == "v"
    assert mirror.get("k").kv().key == b"k"
    with pytest.raises(ValueError, match="the value of b'k' is not a number"):
        mirror.get("k").number()


# --- linearizable reads without a reply


async def test_a_read_of_a_paused_server_is_a_deadline_error_and_later_ones_work(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await fill(client, {"k": "v"})
    mirror = await open_mirror(client.with_options(timeout=0.5))
    fragile.pause()
    error = await failure(lambda: read_fresh(mirror))
    assert type(error) is errors.DeadlineExceededError
    assert error.operation == "get b'k' of a mirror"
    fragile.resume()
    assert await read_fresh(mirror) == "v"


async def test_a_read_of_a_killed_server_is_a_connection_error_and_later_ones_work(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await fill(client, {"k": "v"})
    mirror = await open_mirror(client)
    fragile.kill()
    error = await failure(lambda: read_fresh(mirror))
    assert isinstance(error, errors.ConnectionFailedError)
    assert error.operation == "get b'k' of a mirror"
    assert mirror.get("k").string() == "v"
    fragile.start()
    await settle(client.put("k").value("w"))
    assert await read_fresh(mirror) == "w"


async def test_a_read_of_a_closed_mirror_is_an_error_if_something_was_written(client):
    mirror = await open_mirror(client)
    await settle(mirror.close())
    await settle(client.put("k").value("v"))
    with pytest.raises(errors.ClientClosedError, match="this mirror is closed"):
        await read_fresh(mirror)
