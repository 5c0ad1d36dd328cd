"""Roles, users, and whether authentication is required."""

from __future__ import annotations

import pytest

from etcd_factory.core.admin.auth import name_of, target
from etcd_factory.errors import RoleNotFoundError, UserNotFoundError
from etcd_factory.model.cluster import AuthStatus, Permission
from etcd_factory.testing import replies
from tests.support.faces import settle

NO_ROLE = replies.server_error("etcdserver: role name not found")
NO_USER = replies.server_error("etcdserver: user name not found")


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (("k", None, None), (b"k", b"")),
        ((None, "p", None), (b"p", b"q")),
        ((None, "", None), (b"\0", b"\0")),
        ((None, None, ("a", "c")), (b"a", b"c")),
        ((None, None, ("", "c")), (b"\0", b"c")),
        ((None, None, ("a", "\0")), (b"a", b"\0")),
    ],
    ids=str,
)
def test_a_permission_is_for_a_key_a_prefix_or_a_range(passed, expected):
    assert target(*passed) == expected


@pytest.mark.parametrize("passed", [(None, None, None), ("k", "p", None), ("k", None, ("a", "b"))], ids=str)
def test_it_is_for_exactly_one_of_them(passed):
    with pytest.raises(TypeError, match=r"pass exactly one of: a key, prefix=\.\.\. or range"):
        target(*passed)


async def test_names_and_handles_are_equal(connect):
    client, _ = connect([])
    assert [name_of(one, "a role") for one in ("r", client.role("r"))] == ["r", "r"]
    with pytest.raises(TypeError, match="a role must be a str"):
        name_of(7, "a role")


CALLS = {
    "role.create": ("RoleAdd", lambda c: c.role("r").create(), {"name": "r"}),
    "role.delete": ("RoleDelete", lambda c: c.role("r").delete(), {"role": "r"}),
    "role.revoke": (
        "RoleRevokePermission",
        lambda c: c.role("r").revoke(prefix="p"),
        {"role": "r", "key": b"p", "range_end": b"q"},
    ),
    "role.add_user": ("UserGrantRole", lambda c: c.role("r").add_user(c.user("u")), {"user": "u", "role": "r"}),
    "role.remove_user": ("UserRevokeRole", lambda c: c.role("r").remove_user("u"), {"name": "u", "role": "r"}),
    "user.create": ("UserAdd", lambda c: c.user("u").create("secret"), {"name": "u", "password": "secret"}),
    "user.delete": ("UserDelete", lambda c: c.user("u").delete(), {"name": "u"}),
    "user.set_password": (
        "UserChangePassword",
        lambda c: c.user("u").set_password("secret"),
        {"name": "u", "password": "secret"},
    ),
    "user.add_role": ("UserGrantRole", lambda c: c.user("u").add_role(c.role("r")), {"user": "u", "role": "r"}),
    "user.remove_role": ("UserRevokeRole", lambda c: c.user("u").remove_role("r"), {"name": "u", "role": "r"}),
    "auth.enable": ("AuthEnable", lambda c: c.auth.enable(), {}),
    "auth.disable": ("AuthDisable", lambda c: c.auth.disable(), {}),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_method_makes_one_call_and_returns_nothing(connect, name):
    method, call, fields = CALLS[name]
    client, transport = connect([replies.of(method)], namespace="ns/")
    assert await settle(call(client)) is None
    (made,) = transport.calls
    assert made.method == method
    assert {field: getattr(made.request, field) for field in fields} == fields


@pytest.mark.parametrize(("permission", "number"), [("read", 0), ("write", 1), ("readwrite", 2)])
async def test_a_permission_is_granted_by_its_name_on_absolute_keys(connect, permission, number):
    client, transport = connect([replies.of("RoleGrantPermission")], namespace="ns/")
    await settle(client.role("r").grant(permission, range=("a", "\0")))
    granted = transport.calls[0].request.perm
    assert (granted.permType, granted.key, granted.range_end) == (number, b"a", b"\0")


async def test_an_unknown_permission_is_an_error_without_a_call(connect):
    client, transport = connect([])
    with pytest.raises(ValueError, match=r"permission: expected one of .*, got 'reed'.*'read'"):
        await settle(client.role("r").grant("reed", "k"))
    assert transport.calls == []


async def test_permissions_are_values(connect):
    perms = [{"permType": 2, "key": b"p", "range_end": b"q"}, {"permType": 0, "key": b"k"}]
    client, _ = connect([replies.of("RoleGet", perm=perms)])
    found = await settle(client.role("r").permissions())
    assert found == (Permission("readwrite", b"p", b"q"), Permission("read", b"k"))


async def test_the_roles_of_a_user_are_names(connect):
    client, _ = connect([replies.of("UserGet", roles=["root"])])
    assert await settle(client.user("u").roles()) == ["root"]


async def test_a_user_without_a_password_has_a_certificate(connect):
    client, transport = connect([replies.of("UserAdd")])
    await settle(client.user("u").create(None))
    request = transport.calls[0].request
    assert (request.options.no_password, request.password) == (True, "")


@pytest.mark.parametrize(
    ("call", "error", "operation"),
    [
        (lambda c: c.role("r").permissions(), NO_ROLE, "role 'r' permissions"),
        (lambda c: c.user("u").set_password("secret"), NO_USER, "user 'u' set_password"),
        (lambda c: c.role("r").add_user("u"), NO_USER, "role 'r' add_user"),
        (lambda c: c.auth.enable(), NO_USER, "auth enable"),
    ],
)
async def test_an_error_says_what_was_asked_and_no_password(connect, call, error, operation):
    client, _ = connect({"": [error]})
    with pytest.raises((RoleNotFoundError, UserNotFoundError)) as caught:
        await settle(call(client))
    assert caught.value.operation == operation
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("password", ["", b"secret", 7])
async def test_a_wrong_password_is_an_error_that_does_not_show_it(connect, password):
    client, transport = connect([])
    with pytest.raises((TypeError, ValueError), match="a password must") as caught:
        await settle(client.user("u").create(password))
    assert "secret" not in str(caught.value)
    assert transport.calls == []


async def test_the_status_is_a_value(connect):
    client, _ = connect([replies.of("AuthStatus", enabled=True, authRevision=3)])
    assert await settle(client.auth.status()) == AuthStatus(True, 3)


async def test_a_handle_shows_its_name(connect):
    client, _ = connect([])
    assert (repr(client.role("r")), repr(client.user("u"))) == ("Role(name='r')", "User(name='u')")
