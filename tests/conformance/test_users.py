"""Users: their passwords and their roles."""

import logging
from contextlib import suppress

import pytest

from etcd_factory import errors
from tests.support.faces import failure, settle

SECRET = "a-word-that-is-nobodys-business"


@pytest.fixture
def name(etcd_namespace):
    """A name that no other test uses."""
    return f"user-{etcd_namespace}"


@pytest.fixture
async def user(client, name):
    """An existing user."""
    handle = client.user(name)
    await settle(handle.create(SECRET))
    yield handle
    await delete(handle)


@pytest.fixture
async def role(client, name):
    """An existing role."""
    handle = client.role(name)
    await settle(handle.create())
    yield handle
    await delete(handle)


async def delete(handle):
    """Delete a user or role, unless the test has."""
    with suppress(errors.PreconditionError):
        await settle(handle.delete())


async def test_a_user_exists_from_its_creation_to_its_deletion(client, user):
    assert user.name in await settle(client.users())
    assert await settle(user.roles()) == []
    assert await settle(user.delete()) is None
    assert user.name not in await settle(client.users())


async def test_a_user_may_have_no_password(client, name):
    await settle(client.user(name).create(None))
    assert name in await settle(client.users())
    await settle(client.user(name).delete())


async def test_roles_are_added_and_removed(user, role):
    await settle(user.add_role(role))
    assert await settle(user.roles()) == [role.name]
    await settle(user.remove_role(role.name))
    assert await settle(user.roles()) == []


@pytest.mark.parametrize(("given", "kind"), [(3, TypeError), (b"x", TypeError), ("", ValueError)])
async def test_an_invalid_password_is_an_error(user, given, kind):
    with pytest.raises(kind, match="a password must"):
        await settle(user.create(given))
    with pytest.raises(kind, match="a password must"):
        await settle(user.set_password(given))


async def test_a_password_can_be_omitted_only_at_the_creation(user):
    with pytest.raises(TypeError, match="a password must be a str"):
        await settle(user.set_password(None))


FAULTS = {
    "create": (errors.UserExistsError, lambda c, u: u.create(SECRET)),
    "delete": (errors.UserNotFoundError, lambda c, u: c.user("missing").delete()),
    "set_password": (errors.UserNotFoundError, lambda c, u: c.user("missing").set_password(SECRET)),
    "roles": (errors.UserNotFoundError, lambda c, u: c.user("missing").roles()),
    "add_role": (errors.RoleNotFoundError, lambda c, u: u.add_role("no-role")),
    "remove_role": (errors.RoleNotGrantedError, lambda c, u: u.remove_role("no-role")),
}


@pytest.mark.parametrize("what", FAULTS)
async def test_an_error_is_typed_and_names_the_operation(client, user, what):
    kind, call = FAULTS[what]
    error = await failure(lambda: call(client, user))
    assert type(error) is kind
    assert error.operation in (f"user {user.name!r} {what}", f"user 'missing' {what}")


@pytest.mark.parametrize("what", ["create", "set_password"])
async def test_a_password_is_in_no_error_and_no_log(make, refusing, caplog, what):
    caplog.set_level(logging.DEBUG)
    user = make(hosts=[refusing], retry={"attempts": 2}).user("alice")
    error = await failure(lambda: getattr(user, what)(SECRET))
    assert isinstance(error, errors.ConnectionFailedError)
    assert not error.maybe_applied
    assert "attempt 1" in caplog.text
    assert SECRET not in f"{error} {error!r} {vars(error)} {user!r} {caplog.text}"


async def test_a_write_whose_response_is_lost_may_have_been_applied(make, relay, name):
    far = make(hosts=[relay.endpoint])
    await settle(far.users())
    relay.cut(after=name.encode())
    error = await failure(lambda: far.user(name).create(SECRET))
    assert error.maybe_applied
    assert error.attempts == 1
