"""Roles: their permissions and their users."""

from contextlib import suppress

import pytest

from etcd_factory import Permission, errors
from tests.support.faces import failure, settle

KEY, END = b"\xfe\xff", b"\xff"  # not UTF-8, as the end of a prefix may be

WAYS = {
    "key": ("read", {"key": "k"}, Permission("read", b"k")),
    "bytes": ("read", {"key": KEY}, Permission("read", KEY)),
    "prefix": ("write", {"prefix": "p/"}, Permission("write", b"p/", b"p0")),
    "prefix of bytes": ("write", {"prefix": KEY}, Permission("write", KEY, END)),
    "everything": ("readwrite", {"prefix": ""}, Permission("readwrite", b"\0", b"\0")),
    "range": ("readwrite", {"range": ("a", "b")}, Permission("readwrite", b"a", b"b")),
    "open range": ("read", {"range": ("a", "\0")}, Permission("read", b"a", b"\0")),
}


@pytest.fixture
def name(etcd_namespace):
    """A name that no other test uses."""
    return f"role-{etcd_namespace}"


@pytest.fixture
async def role(client, name):
    """An existing role."""
    handle = client.role(name)
    await settle(handle.create())
    yield handle
    await delete(handle)


@pytest.fixture
async def user(client, name):
    """An existing user."""
    handle = client.user(name)
    await settle(handle.create(None))
    yield handle
    await delete(handle)


async def delete(handle):
    """Delete a user or role, unless the test has."""
    with suppress(errors.PreconditionError):
        await settle(handle.delete())


async def test_a_handle_makes_no_call(make, refusing):
    role = make(hosts=[refusing]).role("any")
    assert role.name == "any"
    assert repr(role) == "Role(name='any')"


@pytest.mark.parametrize("name", [3, None, b"r", ""])
async def test_an_invalid_name_is_an_error_at_once(client, name):
    for handle in (client.role, client.user):
        with pytest.raises((TypeError, ValueError), match="'s name must"):
            handle(name)


async def test_a_role_exists_from_its_creation_to_its_deletion(client, role):
    assert role.name in await settle(client.roles())
    assert await settle(role.permissions()) == ()
    assert await settle(role.delete()) is None
    assert role.name not in await settle(client.roles())


@pytest.mark.parametrize("way", WAYS)
async def test_a_granted_permission_is_listed_until_it_is_revoked(role, way):
    kind, chosen, expected = WAYS[way]
    await settle(role.grant(kind, **chosen))
    assert await settle(role.permissions()) == (expected,)
    await settle(role.revoke(**chosen))
    assert await settle(role.permissions()) == ()


async def test_a_key_is_the_first_argument(role):
    await settle(role.grant("read", "k"))
    assert await settle(role.permissions()) == (Permission("read", b"k"),)
    await settle(role.revoke("k"))
    assert await settle(role.permissions()) == ()


async def test_a_grant_for_the_same_key_replaces_the_one_before(role):
    await settle(role.grant("read", "k"))
    await settle(role.grant("readwrite", "k"))
    assert await settle(role.permissions()) == (Permission("readwrite", b"k"),)


async def test_keys_of_roles_are_absolute_in_a_namespace_too(client, role):
    await settle(client.namespace("n/").role(role.name).grant("read", "k"))
    assert [one.key for one in await settle(role.permissions())] == [b"k"]


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [(("read",), {}), (("read", "k"), {"prefix": "p"}), (("read",), {"prefix": "p", "range": ("a", "b")})],
)
async def test_exactly_one_key_or_range_is_required(role, arguments, chosen):
    with pytest.raises(TypeError, match="pass exactly one of: a key, prefix"):
        await settle(role.grant(*arguments, **chosen))
    with pytest.raises(TypeError, match="pass exactly one of"):
        await settle(role.revoke(*arguments[1:], **chosen))


async def test_an_unknown_permission_names_the_nearest_one(role):
    with pytest.raises(
        ValueError, match="permission: expected one of read, write, readwrite, got 'raed'; did you mean 'read'"
    ):
        await settle(role.grant("raed", "k"))


@pytest.mark.parametrize(
    ("permission", "prefix", "shown"),
    [
        (Permission("read", b"k"), None, "read key b'k'"),
        (Permission("write", b"p/", b"p0"), b"p/", "write prefix b'p/'"),
        (Permission("write", b"a\xff", b"b"), b"a\xff", "write prefix b'a\\xff'"),
        (Permission("write", b"\xff", b"\0"), b"\xff", "write prefix b'\\xff'"),
        (Permission("read", b"\0", b"\0"), b"", "read prefix b''"),
        (Permission("read", b"a", b"c"), None, "read range b'a' to b'c'"),
        (Permission("read", b"a", b"\0"), None, "read range b'a' to the end"),
    ],
)
def test_a_permission_has_a_readable_text(permission, prefix, shown):
    assert permission.prefix == prefix
    assert str(permission) == shown


async def test_a_role_is_added_to_a_user_and_removed(client, role, user):
    await settle(role.add_user(user))
    assert await settle(user.roles()) == [role.name]
    await settle(role.remove_user(user.name))
    assert await settle(user.roles()) == []


FAULTS = {
    "create": (errors.RoleExistsError, lambda c, r: r.create()),
    "delete": (errors.RoleNotFoundError, lambda c, r: c.role("missing's").delete()),
    "grant": (errors.RoleNotFoundError, lambda c, r: c.role("missing's").grant("read", "k")),
    "revoke": (errors.PreconditionError, lambda c, r: r.revoke("k")),
    "permissions": (errors.RoleNotFoundError, lambda c, r: c.role("missing's").permissions()),
    "add_user": (errors.UserNotFoundError, lambda c, r: r.add_user("missing")),
    "remove_user": (errors.UserNotFoundError, lambda c, r: r.remove_user("missing")),
}


@pytest.mark.parametrize("what", FAULTS)
async def test_an_error_is_typed_and_names_the_operation(client, role, what):
    kind, call = FAULTS[what]
    error = await failure(lambda: call(client, role))
    assert type(error) is kind
    assert error.operation.startswith("role ")
    assert error.operation.endswith(what)
    assert error.operation.split("'")[1] in (role.name, "missing") or '"missing\'s"' in error.operation
    assert error.endpoint


async def test_removing_a_role_that_a_user_does_not_have_is_an_error(role, user):
    assert type(await failure(lambda: role.remove_user(user))) is errors.RoleNotGrantedError


@pytest.mark.parametrize("what", ["roles", "users"])
async def test_the_error_of_a_list_names_the_operation_too(make, refusing, what):
    client = make(hosts=[refusing], dial_timeout=0.05)
    error = await failure(lambda: getattr(client, what)())
    assert isinstance(error, errors.ConnectionFailedError)
    assert error.operation == what
