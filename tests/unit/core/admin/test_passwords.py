"""Passwords as bcrypt hashes: in the form of etcd's messages, and never where etcd would set an empty one."""

import asyncio
from base64 import b64encode

import pytest

from etcd_factory.core.admin.passwords import check_version, encoded, unknown
from etcd_factory.errors import PermissionDeniedError, PreconditionError
from etcd_factory.testing import replies
from tests.support.faces import closed, failure, settle

REST = "sIvFu/DjGgAshLCaOC4sqOEqc7oCBv.trLWquyXciaBz/9r9HUfkC"
HASH = f"$2b$04${REST}"
SENT = b64encode(HASH.encode()).decode()
STATUS = replies.of("Status", version="3.6.1")
ADDED, CHANGED = replies.of("UserAdd"), replies.of("UserChangePassword")


@pytest.mark.parametrize("given", [HASH, HASH.encode(), f"$2y$12${REST}", f"$2a$31${REST}", f"$2$10${REST}"])
def test_a_hash_is_sent_as_base64(given):
    text = given if isinstance(given, str) else given.decode()
    assert encoded(given) == b64encode(text.encode()).decode()


WRONG = {
    "a password": "wonder",
    "too short": HASH[:-1],
    "too long": HASH + "x",
    "with a line end": HASH + "\n",
    "another method": f"$6$rounds$04${REST}",
    "a cost that does not exist": f"$2b$32${REST}",
    "base64 of it": SENT,
    "no text": b"\xff" * 60,
    "nothing": "",
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_bcrypt_hash_is_an_error_that_does_not_show_it(what):
    with pytest.raises(ValueError, match="hashed must") as caught:
        encoded(WRONG[what])
    assert WRONG[what] == "" or str(WRONG[what]) not in str(caught.value)


def test_a_password_that_nobody_knows_is_another_one_each_time():
    assert len({unknown() for _ in range(9)}) == 9
    assert 40 <= len(unknown()) <= 72


@pytest.mark.parametrize("version", ["3.5.0", "3.5.30", "3.6.0-rc.1", "3.10.0", "4.0.0"])
def test_these_versions_take_hashes(version):
    check_version(version, "a:1")


@pytest.mark.parametrize("version", ["3.4.23", "3.3.0", "2.3.8", "", "unknown"])
def test_others_would_set_an_empty_password(version):
    with pytest.raises(PreconditionError, match="ignores hashed passwords, and would set an empty one") as caught:
        check_version(version, "a:1")
    assert caught.value.endpoint == "a:1"


# --- of users


async def test_a_user_gets_a_password_that_nobody_knows_and_then_the_hash(connect):
    client, transport = connect([STATUS, ADDED, CHANGED], hosts=["a:1", "b:1"])
    assert await settle(client.user("u").create(hashed=HASH)) is None
    status, added, changed = transport.calls
    assert len(added.request.password) >= 40
    assert (added.request.name, added.request.hashedPassword, added.request.options.no_password) == ("u", "", False)
    assert (changed.request.name, changed.request.password, changed.request.hashedPassword) == ("u", "", SENT)
    assert {call.host for call in transport.calls} == {status.host}  # whose version is known


async def test_a_password_is_changed_to_a_hash(connect):
    client, transport = connect([STATUS, CHANGED])
    assert await settle(client.user("u").set_password(hashed=HASH)) is None
    request = transport.calls[1].request
    assert (request.name, request.password, request.hashedPassword) == ("u", "", SENT)


@pytest.mark.parametrize("what", ["create", "set_password"])
async def test_an_older_etcd_is_asked_for_nothing(connect, what):
    client, transport = connect([replies.of("Status", version="3.4.23")])
    error = await failure(lambda: getattr(client.user("u"), what)(hashed=HASH), PreconditionError)
    assert (error.operation, error.maybe_applied) == (f"user 'u' {what}", False)
    assert [call.method for call in transport.calls] == ["Status"]


async def test_a_user_whose_hash_was_refused_is_deleted(connect):
    denied = replies.server_error("etcdserver: permission denied")
    client, transport = connect([STATUS, ADDED, denied, replies.of("UserDelete")])
    await failure(lambda: client.user("u").create(hashed=HASH), PermissionDeniedError)
    assert [call.method for call in transport.calls] == ["Status", "UserAdd", "UserChangePassword", "UserDelete"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, asyncio.CancelledError])
async def test_a_user_whose_hash_was_interrupted_is_deleted(connect, interrupt):
    def interrupted(call):
        raise interrupt

    client, transport = connect([STATUS, ADDED, interrupted, replies.of("UserDelete")])
    with pytest.raises(interrupt):
        await settle(client.user("u").create(hashed=HASH))
    await closed(client)
    assert [call.method for call in transport.calls] == ["Status", "UserAdd", "UserChangePassword", "UserDelete"]


async def test_a_user_that_cannot_be_deleted_either_has_a_password_that_nobody_knows(connect):
    denied = replies.server_error("etcdserver: permission denied")
    client, _ = connect([STATUS, ADDED, denied, replies.lost()])
    await failure(lambda: client.user("u").create(hashed=HASH), PermissionDeniedError)


MISTAKES = {
    "both": (lambda user: user.create("secret", hashed=HASH), TypeError, "pass either a password or hashed"),
    "both, none of them": (lambda user: user.create(None, hashed=HASH), TypeError, "pass either a password or hashed"),
    "neither": (lambda user: user.create(), TypeError, "pass a password, hashed, or None"),
    "both to change": (lambda user: user.set_password("secret", hashed=HASH), TypeError, "pass either a password"),
    "neither to change": (lambda user: user.set_password(), TypeError, "a password must be a str"),
    "no hash": (lambda user: user.create(hashed="secret"), ValueError, "hashed must be a bcrypt hash"),
    "no hash to change": (lambda user: user.set_password(hashed=7), TypeError, "hashed must be a str"),
}


@pytest.mark.parametrize("what", MISTAKES)
async def test_a_mistake_is_an_error_before_any_call(connect, what):
    call, kind, text = MISTAKES[what]
    client, transport = connect([])
    with pytest.raises(kind, match=text) as caught:
        await settle(call(client.user("u")))
    assert transport.calls == []
    assert "secret" not in str(caught.value)


async def test_a_call_does_not_show_the_hash(connect):
    client, transport = connect([STATUS, CHANGED])
    await settle(client.user("u").set_password(hashed=HASH))
    assert SENT not in repr(transport.calls)
