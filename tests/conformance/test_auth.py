"""Users and passwords, on plaintext and on TLS."""

import asyncio
import threading

import pytest

from etcd_factory import AsyncETCDService, errors, ops
from tests.support.auth import ALICE, Credential
from tests.support.faces import BOUND, failure, listed, settle
from tests.support.transports import Held, real


@pytest.fixture(scope="module", params=["auth_server", "tls_auth_server"], ids=["plaintext", "tls"])
def guarded(request):
    """Plaintext and TLS in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def login(make, guarded):
    """Creates clients of that server."""

    def create(username="alice", password="wonder", **changes):
        return make(**{**guarded.options, "auth": {"username": username, "password": password}, **changes})

    return create


async def test_a_user_reads_and_writes_what_its_roles_allow(login):
    client = login(namespace="pub/")
    await settle(client.put("k").value("v"))
    assert await settle(client.get("k").string()) == "v"
    assert await settle(client.get_all().strings()) == {"k": "v"}
    assert [kv.text for kv in await listed(client.get_all())] == ["v"]
    assert (await settle(client.txn().then(ops.get("k").string()).commit())).results == ("v",)
    assert (await settle(client.delete().all())).deleted == 1


async def test_the_error_of_a_wrong_password_names_only_the_user(login, guarded):
    error = await failure(lambda: login(password="a-wrong-one").get("pub/k").string())
    assert type(error) is errors.AuthenticationFailedError
    assert (error.code, error.endpoint, error.attempts) == ("INVALID_ARGUMENT", guarded.server.endpoint, 1)
    assert "'alice'" in str(error)
    assert "a-wrong-one" not in f"{error} {error!r} {vars(error)}"


async def test_an_unknown_user_is_an_authentication_error(login):
    error = await failure(lambda: login(username="mallory").get("pub/k").string())
    assert type(error) is errors.AuthenticationFailedError


@pytest.mark.parametrize(
    "call", [lambda c: c.get("k").string(), lambda c: c.put("k").value("v")], ids=["read", "write"]
)
async def test_a_missing_permission_is_an_error_that_names_the_key(login, call):
    client = login()
    error = await failure(lambda: call(client))
    assert type(error) is errors.PermissionDeniedError
    assert isinstance(error, PermissionError)
    assert (error.code, error.attempts, error.maybe_applied) == ("PERMISSION_DENIED", 1, False)
    assert "'k'" in error.operation


async def test_a_client_without_credentials_is_an_error_with_a_hint(make, guarded):
    error = await failure(lambda: make(**guarded.options).get("pub/k").string())
    assert type(error) is errors.InvalidAuthTokenError
    assert "does this server require auth" in str(error)


async def test_credentials_may_be_functions_called_once_for_each_token(login, credential):
    client = login(username=lambda: "alice", password=credential)
    for _ in range(3):
        await settle(client.get("pub/k").string())
    assert credential.calls == 1


async def test_a_credential_may_be_an_async_function(guarded):
    async def password():
        await asyncio.sleep(0)
        return "wonder"

    options = {**guarded.options, "auth": {"username": "alice", "password": password}}
    async with AsyncETCDService(options) as client:
        assert await client.get("pub/missing").string() is None


async def test_concurrent_first_calls_authenticate_once(face, login):
    credential, begun = Credential(), threading.Semaphore(0)

    def password():
        for _ in range(20 if face.name == "blocking" else 0):
            begun.acquire()
        return credential()

    client = login(password=password)

    def call():
        begun.release()
        return client.get("pub/missing").string()

    assert await asyncio.gather(*(face.begin(call) for _ in range(20))) == [None] * 20
    assert credential.calls == 1


async def test_a_failed_authentication_is_raised_by_each_call_and_retried_by_the_next(login):
    credential = Credential("wrong")
    client = login(password=credential)
    for _ in range(2):
        assert isinstance(await failure(lambda: client.get("pub/k").string()), errors.AuthenticationFailedError)
    credential.value = "wonder"
    assert await settle(client.get("pub/missing").string()) is None
    assert credential.calls == 3


async def test_a_refused_token_is_renewed_within_a_read(login, guarded, credential):
    client = login(password=credential)
    await settle(client.put("pub/k").value("v"))
    guarded.expire_tokens()
    assert await settle(client.get("pub/k").string()) == "v"
    assert credential.calls == 2


async def test_a_refused_token_is_renewed_within_a_write_that_is_applied_once(login, guarded, credential):
    client = login(password=credential)
    await settle(client.put("pub/new").value("v"))
    await settle(client.delete().key("pub/new"))
    guarded.expire_tokens()
    await settle(client.put("pub/new").value("w"))
    assert (await settle(client.get("pub/new").kv())).version == 1
    assert credential.calls == 2


async def test_a_refused_token_is_renewed_within_a_transaction(login, guarded, credential):
    client = login(password=credential)
    await settle(client.get("pub/k").string())
    guarded.expire_tokens()
    assert (await settle(client.txn().then(ops.put("pub/k").value("v")).commit())).succeeded
    assert credential.calls == 2


async def test_concurrent_calls_with_a_refused_token_renew_it_once(face, login, guarded, credential):
    client = login(password=credential)
    await settle(client.get("pub/missing").string())
    guarded.expire_tokens()
    calls = [face.begin(lambda: client.get("pub/missing").string()) for _ in range(20)]
    assert await asyncio.gather(*calls) == [None] * 20
    assert credential.calls == 2


async def test_a_token_that_another_call_renewed_meanwhile_is_kept(face, make, guarded, credential):
    held = Held(real(face, guarded.options), "Range", replies=True)
    client = make(**guarded.options, auth={"username": "alice", "password": credential}, transport=held)
    await settle(client.get("pub/missing").string())
    await held.arrived()
    guarded.expire_tokens()
    held.hold(1)
    first = face.begin(lambda: client.get("pub/missing").string())
    await held.arrived()
    await settle(client.get("pub/missing").string())
    held.release()
    assert await first is None
    assert credential.calls == 2


async def test_a_changed_password_is_read_again(login, guarded, credential):
    client = login(password=credential)
    await settle(client.get("pub/k").string())
    try:
        credential.value = "changed"
        guarded.root("user", "del", "alice")
        guarded.root("user", "add", "alice:changed")
        guarded.root("user", "grant-role", "alice", "public")
        guarded.expire_tokens()
        assert await settle(client.get("pub/missing").string()) is None
    finally:
        guarded.root("user", "del", "alice")
        guarded.root("user", "add", ALICE)
        guarded.root("user", "grant-role", "alice", "public")


async def test_credentials_work_while_authentication_is_disabled_and_after_it_is_enabled(login, guarded, credential):
    client = login(password=credential)
    guarded.root("auth", "disable")
    try:
        await settle(client.put("pub/k").value("v"))
        assert await settle(client.get("pub/k").string()) == "v"
    finally:
        guarded.server.etcdctl("auth", "enable")
    assert await settle(client.get("pub/k").string()) == "v"


async def test_a_client_continues_after_authentication_is_disabled(login, guarded, credential):
    client = login(password=credential)
    await settle(client.put("pub/k").value("v"))
    guarded.root("auth", "disable")
    try:
        assert await settle(client.get("pub/k").string()) == "v"
        await settle(client.put("pub/k").value("w"))
    finally:
        guarded.server.etcdctl("auth", "enable")


async def test_a_restarted_server_that_knows_no_token_is_used_again(login, guarded):
    client = login()
    await settle(client.put("pub/k").value("v"))
    await asyncio.to_thread(guarded.server.restart)
    assert await settle(client.get("pub/k").string()) == "v"
    await settle(client.put("pub/k").value("w"))


async def test_the_timeout_of_an_authenticating_call_does_not_fail_a_call_that_waits_for_it(face, make, fragile):
    begun = threading.Event()
    client = make(
        hosts=[fragile.endpoint], timeout=30, auth={"username": "alice", "password": lambda: begun.set() or "w"}
    )
    fragile.pause()
    hasty = face.begin(lambda: client.with_options(timeout=0.3).get("k").string())
    assert await asyncio.to_thread(begun.wait, BOUND)
    patient = face.begin(lambda: client.get("k").string())
    with pytest.raises(errors.DeadlineExceededError):
        await hasty
    fragile.resume()
    assert await patient is None


async def test_tokens_older_than_the_auth_store_are_renewed(make, jwt_server, face, credential):
    client = make(**jwt_server.options, auth={"username": "alice", "password": credential})
    await settle(client.put("pub/k").value("v"))
    jwt_server.root("user", "add", f"{face.name}:new")
    await settle(client.put("pub/k").value("w"))
    assert await settle(client.get("pub/k").string()) == "w"
    assert credential.calls == 2
