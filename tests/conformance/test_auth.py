"""Users and passwords, on plaintext and on TLS."""

import asyncio
import threading

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from etcd_factory import AsyncETCDService, errors, ops
from etcd_factory.testing import EtcdServer, ServerTLS
from tests.support.faces import listed, settle

ROOT, ALICE = "root:top", "alice:wonder"
CHEAP = "--bcrypt-cost=4"


class Guarded:
    """A server that wants a password, and the options that reach it."""

    def __init__(self, server, **options):
        self.server, self.options = server, {"hosts": [server.url], "namespace": "", **options}
        for command in (
            f"user add {ROOT}",
            "role add root",
            "user grant-role root root",
            f"user add {ALICE}",
            "role add public",
            "role grant-permission public --prefix=true readwrite pub/",
            "user grant-role alice public",
            "auth enable",
        ):
            server.etcdctl(*command.split())

    def root(self, *command):
        return self.server.etcdctl("--user", ROOT, *command)

    def renew(self):
        """Make all tokens invalid, as the passing of time does."""
        self.root("auth", "disable")
        self.server.etcdctl("auth", "enable")


@pytest.fixture(scope="module", params=["plaintext", "tls"])
def guarded(request, tmp_path_factory):
    """Plaintext and TLS in turn."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("auth")
    mine = authority.issue_cert("127.0.0.1")
    mine.private_key_pem.write_to_path(folder / "key.pem")
    mine.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    tls = ServerTLS(folder / "cert.pem", folder / "key.pem") if request.param == "tls" else None
    with EtcdServer(tls=tls, args=[CHEAP]) as server:
        yield Guarded(server, tls={"ca": authority.cert_pem.bytes().decode()} if tls else None)


@pytest.fixture
def login(make, guarded):
    """Makes clients of that server."""

    def new(username="alice", password="wonder", **changes):
        return make(**{**guarded.options, "auth": {"username": username, "password": password}, **changes})

    return new


class Asked:
    """A password that is asked for, and counts how often."""

    def __init__(self, value="wonder"):
        self.value, self.times = value, 0

    def __call__(self):
        self.times += 1
        return self.value


class Slow:
    """A way to the server on which the first refusal of a token takes as long as it is told to."""

    def __init__(self, face, unary):
        self.failed, self.go = threading.Event(), threading.Event()
        self._face, self._unary = face, unary

    async def __call__(self, *args):
        try:
            return await self._unary(*args)
        except errors.InvalidAuthTokenError:
            if not self.failed.is_set():
                self.failed.set()
                await self._wait()
            raise

    async def _wait(self):
        if self._face.name == "blocking":
            self.go.wait(30)
        else:
            await asyncio.to_thread(self.go.wait, 30)


@pytest.fixture
def asked():
    return Asked()


async def failure(call):
    with pytest.raises(errors.EtcdError) as caught:
        await settle(call())
    return caught.value


async def test_a_user_reads_and_writes_what_its_roles_allow(login):
    client = login(namespace="pub/")
    await settle(client.put("k").value("v"))
    assert await settle(client.get("k").string()) == "v"
    assert await settle(client.get_all().strings()) == {"k": "v"}
    assert [kv.text for kv in await listed(client.get_all())] == ["v"]
    assert (await settle(client.txn().then(ops.get("k").string()).commit())).results == ("v",)
    assert (await settle(client.delete().all())).deleted == 1


async def test_a_wrong_password_is_an_error_that_names_the_user_and_not_the_password(login, guarded):
    error = await failure(lambda: login(password="a-wrong-one").get("pub/k").string())
    assert type(error) is errors.AuthenticationFailedError
    assert (error.code, error.endpoint, error.attempts) == ("INVALID_ARGUMENT", guarded.server.endpoint, 1)
    assert "'alice'" in str(error)
    assert "a-wrong-one" not in f"{error} {error!r} {vars(error)}"


async def test_an_unknown_user_is_an_error_like_a_wrong_password(login):
    error = await failure(lambda: login(username="mallory").get("pub/k").string())
    assert type(error) is errors.AuthenticationFailedError


@pytest.mark.parametrize(
    "call", [lambda c: c.get("k").string(), lambda c: c.put("k").value("v")], ids=["read", "write"]
)
async def test_a_user_without_the_right_is_an_error_that_names_the_key(login, call):
    client = login()
    error = await failure(lambda: call(client))
    assert type(error) is errors.PermissionDeniedError
    assert isinstance(error, PermissionError)
    assert (error.code, error.attempts, error.maybe_applied) == ("PERMISSION_DENIED", 1, False)
    assert "'k'" in error.operation


async def test_a_client_without_credentials_is_told_that_the_server_wants_some(make, guarded):
    error = await failure(lambda: make(**guarded.options).get("pub/k").string())
    assert type(error) is errors.InvalidAuthTokenError
    assert "does this server want auth" in str(error)


async def test_credentials_may_be_functions_that_are_asked_once_for_a_token(login, asked):
    client = login(username=lambda: "alice", password=asked)
    for _ in range(3):
        await settle(client.get("pub/k").string())
    assert asked.times == 1


async def test_a_credential_may_be_an_async_function(guarded):
    async def password():
        await asyncio.sleep(0)
        return "wonder"

    options = {**guarded.options, "auth": {"username": "alice", "password": password}}
    async with AsyncETCDService(options) as client:
        assert await client.get("pub/missing").string() is None


async def test_many_first_calls_make_one_authentication(face, login):
    asked, begun = Asked(), threading.Semaphore(0)

    def password():
        for _ in range(20 if face.name == "blocking" else 0):
            begun.acquire()
        return asked()

    client = login(password=password)

    def call():
        begun.release()
        return client.get("pub/missing").string()

    assert await asyncio.gather(*(face.begin(call) for _ in range(20))) == [None] * 20
    assert asked.times == 1


async def test_a_failed_authentication_is_told_to_each_call_and_tried_again_by_the_next(login):
    asked = Asked("wrong")
    client = login(password=asked)
    for _ in range(2):
        assert isinstance(await failure(lambda: client.get("pub/k").string()), errors.AuthenticationFailedError)
    asked.value = "wonder"
    assert await settle(client.get("pub/missing").string()) is None
    assert asked.times == 3


async def test_a_refused_token_is_renewed_within_a_read(login, guarded, asked):
    client = login(password=asked)
    await settle(client.put("pub/k").value("v"))
    guarded.renew()
    assert await settle(client.get("pub/k").string()) == "v"
    assert asked.times == 2


async def test_a_refused_token_is_renewed_within_a_write_that_happens_once(login, guarded, asked):
    client = login(password=asked)
    await settle(client.put("pub/new").value("v"))
    await settle(client.delete().key("pub/new"))
    guarded.renew()
    await settle(client.put("pub/new").value("w"))
    assert (await settle(client.get("pub/new").kv())).version == 1
    assert asked.times == 2


async def test_a_refused_token_is_renewed_within_a_transaction(login, guarded, asked):
    client = login(password=asked)
    await settle(client.get("pub/k").string())
    guarded.renew()
    assert (await settle(client.txn().then(ops.put("pub/k").value("v")).commit())).succeeded
    assert asked.times == 2


async def test_many_calls_with_a_refused_token_renew_it_once(face, login, guarded, asked):
    client = login(password=asked)
    await settle(client.get("pub/missing").string())
    guarded.renew()
    calls = [face.begin(lambda: client.get("pub/missing").string()) for _ in range(20)]
    assert await asyncio.gather(*calls) == [None] * 20
    assert asked.times == 2


async def test_a_token_that_another_call_has_renewed_meanwhile_is_kept(face, login, guarded, asked, monkeypatch):
    client = login(password=asked)
    await settle(client.get("pub/missing").string())
    guarded.renew()
    slow = Slow(face, client._run.client.io.unary)
    monkeypatch.setattr(client._run.client.io, "unary", slow)
    first = face.begin(lambda: client.get("pub/missing").string())
    assert await asyncio.to_thread(slow.failed.wait, 30)
    await settle(client.get("pub/missing").string())
    slow.go.set()
    assert await first is None
    assert asked.times == 2


async def test_a_password_that_was_changed_is_asked_for_anew(login, guarded, asked):
    client = login(password=asked)
    await settle(client.get("pub/k").string())
    try:
        asked.value = "changed"
        guarded.root("user", "del", "alice")
        guarded.root("user", "add", "alice:changed")
        guarded.root("user", "grant-role", "alice", "public")
        guarded.renew()
        assert await settle(client.get("pub/missing").string()) is None
    finally:
        guarded.root("user", "del", "alice")
        guarded.root("user", "add", ALICE)
        guarded.root("user", "grant-role", "alice", "public")


async def test_credentials_given_while_authentication_is_off_work_and_go_on_when_it_is_on(login, guarded, asked):
    client = login(password=asked)
    guarded.root("auth", "disable")
    try:
        await settle(client.put("pub/k").value("v"))
        assert await settle(client.get("pub/k").string()) == "v"
    finally:
        guarded.server.etcdctl("auth", "enable")
    assert await settle(client.get("pub/k").string()) == "v"


async def test_authentication_that_is_switched_off_under_a_client_does_no_harm(login, guarded, asked):
    client = login(password=asked)
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


async def test_a_hasty_call_that_authenticates_does_not_fail_a_patient_one_that_waits_for_it(face, make, fragile):
    begun = threading.Event()
    client = make(
        hosts=[fragile.endpoint], timeout=30, auth={"username": "alice", "password": lambda: begun.set() or "w"}
    )
    fragile.pause()
    hasty = face.begin(lambda: client.with_options(timeout=0.3).get("k").string())
    assert await asyncio.to_thread(begun.wait, 30)
    patient = face.begin(lambda: client.get("k").string())
    with pytest.raises(errors.DeadlineExceededError):
        await hasty
    fragile.resume()
    assert await patient is None


@pytest.fixture(scope="module")
def signing(tmp_path_factory):
    """A server whose tokens carry the revision of the auth store."""
    folder = tmp_path_factory.mktemp("jwt")
    key = rsa.generate_private_key(65537, 2048)
    kinds, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key").write_bytes(key.private_bytes(serialization.Encoding.PEM, kinds, none))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))
    token = f"--auth-token=jwt,pub-key={folder}/pub,priv-key={folder}/key,sign-method=RS256,ttl=10m"
    with EtcdServer(args=[CHEAP, token]) as server:
        yield Guarded(server)


async def test_tokens_that_are_older_than_the_auth_store_are_renewed(make, signing, face, asked):
    client = make(**signing.options, auth={"username": "alice", "password": asked})
    await settle(client.put("pub/k").value("v"))
    signing.root("user", "add", f"{face.name}:new")
    await settle(client.put("pub/k").value("w"))
    assert await settle(client.get("pub/k").string()) == "w"
    assert asked.times == 2
