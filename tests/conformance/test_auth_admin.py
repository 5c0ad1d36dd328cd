"""Enabling and disabling authentication."""

from contextlib import asynccontextmanager

import pytest

from etcd_factory import AuthStatus, errors
from etcd_factory.testing import EtcdServer
from tests.support.auth import FAST_BCRYPT
from tests.support.etcd_versions import AUTH_STATUS, AUTH_STATUS_FOR_ALL, TAKES_HASHES, need, need_before
from tests.support.faces import failure, settle

ROOT = {"username": "root", "password": "top"}


@pytest.fixture(scope="module")
def server():
    with EtcdServer(args=[FAST_BCRYPT]) as one:
        yield one


@pytest.fixture
async def plain(make, server):
    """A client without credentials, of a server without users."""
    client = make(hosts=[server.endpoint], namespace="")
    yield client
    for handle in (client.user, client.role):
        for name in await settle(getattr(client, f"{handle.__name__}s")()):
            await settle(handle(name).delete())


@pytest.fixture
def login(make, server):
    """Creates clients of that server."""

    def create(username="root", password="top"):
        return make(hosts=[server.endpoint], namespace="", auth={"username": username, "password": password})

    return create


@pytest.fixture
async def rooted(plain):
    """That client, of a server with the user root."""
    await settle(plain.user("root").create("top"))
    await settle(plain.role("root").create())
    await settle(plain.user("root").add_role("root"))
    return plain


@asynccontextmanager
async def enabled(plain, root):
    """The time during which authentication is enabled."""
    await settle(plain.auth.enable())
    try:
        yield
    finally:
        await settle(root.auth.disable())


async def test_it_is_disabled_at_first_and_counts_changes(plain, server):
    need(AUTH_STATUS, server.version)
    before = await settle(plain.auth.status())
    assert before == AuthStatus(False, before.revision)
    await settle(plain.role("any").create())
    assert (await settle(plain.auth.status())).revision == before.revision + 1


@pytest.mark.parametrize("prepared", ["nothing", "user"])
async def test_it_is_not_enabled_without_root(plain, prepared):
    if prepared == "user":
        await settle(plain.user("root").create("top"))
    error = await failure(lambda: plain.auth.enable())
    assert type(error) is errors.PreconditionError
    assert error.operation == "auth enable"
    assert "root" in error.message
    assert not await settle(plain.get("k").exists())  # nobody is asked for a token


async def test_it_is_enabled_and_disabled(rooted, login, server):
    need(AUTH_STATUS, server.version)
    root = login()
    async with enabled(rooted, root):
        assert (await settle(root.auth.status())).enabled
        await settle(root.auth.enable())  # idempotent
    assert not (await settle(rooted.auth.status())).enabled


@pytest.mark.parametrize("what", ["disable", "status"])
async def test_a_client_without_credentials_is_refused(rooted, login, server, what):
    if what == "status":
        need(AUTH_STATUS, server.version)
        need_before(AUTH_STATUS_FOR_ALL, server.version)
    async with enabled(rooted, login()):
        error = await failure(lambda: getattr(rooted.auth, what)())
        assert type(error) is errors.InvalidAuthTokenError
        assert error.operation == f"auth {what}"
        assert "does this server require auth" in str(error)


async def test_its_status_needs_no_credentials(rooted, login, server):
    need(AUTH_STATUS_FOR_ALL, server.version)
    async with enabled(rooted, login()):
        assert (await settle(rooted.auth.status())).enabled


async def test_a_user_may_do_only_what_is_granted(rooted, login):
    await settle(rooted.user("alice").create("wonder"))
    await settle(rooted.role("public").create())
    await settle(rooted.role("public").grant("readwrite", prefix="pub/"))
    await settle(rooted.user("alice").add_role("public"))
    async with enabled(rooted, login()):
        alice = login("alice", "wonder")
        await settle(alice.put("pub/k").value("v"))
        assert await settle(alice.get("pub/k").string()) == "v"
        assert type(await failure(lambda: alice.get("k").string())) is errors.PermissionDeniedError
        error = await failure(lambda: alice.role("public").grant("read", prefix=""))
        assert type(error) is errors.PermissionDeniedError
        assert error.operation == "role 'public' grant"


async def test_only_the_changed_password_is_valid(rooted, login):
    await settle(rooted.user("alice").create("wonder"))
    async with enabled(rooted, login()):
        await settle(login().user("alice").set_password("new"))
        error = await failure(lambda: login("alice", "wonder").get("k").string())
        assert type(error) is errors.AuthenticationFailedError
        assert type(await failure(lambda: login("alice", "new").get("k").string())) is errors.PermissionDeniedError


# bcrypt hashes, of the forms of bcrypt.hashpw() and of htpasswd
HASHES = {
    "wonder-of-nobody": "$2b$04$E0/6ZXZvq09KMR492M9nTefNqekjniAxYcFVZqENltGgyptRjEYv6",
    "another-word": "$2y$04$sIvFu/DjGgAshLCaOC4sqOEqc7oCBv.trLWquyXciaBz/9r9HUfkC",
}


async def can_log_in(login, password):
    """Whether that is alice's password: she may do nothing else."""
    error = await failure(lambda: login("alice", password).get("k").string())
    return type(error) is errors.PermissionDeniedError


async def test_a_user_may_be_created_and_changed_by_the_hash_of_a_password(rooted, login, server):
    need(TAKES_HASHES, server.version)
    first, second = HASHES
    await settle(rooted.user("alice").create(hashed=HASHES[first]))
    async with enabled(rooted, login()):
        assert [await can_log_in(login, word) for word in (first, second, HASHES[first])] == [True, False, False]
        await settle(login().user("alice").set_password(hashed=HASHES[second].encode()))
        assert [await can_log_in(login, word) for word in (first, second)] == [False, True]


async def test_a_user_of_a_hash_keeps_its_roles(rooted, server):
    need(TAKES_HASHES, server.version)
    await settle(rooted.user("root").set_password(hashed=HASHES["another-word"]))
    assert await settle(rooted.user("root").roles()) == ["root"]


async def test_a_user_that_exists_is_not_changed_by_a_hash(rooted, login, server):
    need(TAKES_HASHES, server.version)
    await settle(rooted.user("alice").create("wonder"))
    error = await failure(lambda: rooted.user("alice").create(hashed=HASHES["another-word"]))
    assert (type(error), error.operation) == (errors.UserExistsError, "user 'alice' create")
    async with enabled(rooted, login()):
        assert await can_log_in(login, "wonder")


async def test_an_etcd_that_ignores_hashes_gets_none(rooted, login, server):
    need_before(TAKES_HASHES, server.version)
    error = await failure(lambda: rooted.user("alice").create(hashed=HASHES["another-word"]))
    assert type(error) is errors.PreconditionError
    assert await settle(rooted.users()) == ["root"]


async def test_a_user_without_a_password_cannot_log_in(rooted, login):
    await settle(rooted.user("alice").create(None))
    async with enabled(rooted, login()):
        error = await failure(lambda: login("alice", "any").get("k").string())
        assert error.operation == "authenticate as 'alice'"
        assert "no password user" in error.message
