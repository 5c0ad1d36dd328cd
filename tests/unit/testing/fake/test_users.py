"""Users, roles, permissions and tokens."""

import pytest

from etcd_factory import errors
from etcd_factory.testing.fake.spans import span_of
from etcd_factory.testing.fake.users import READ, READWRITE, WRITE, Users, all_of
from etcd_factory.wire import messages as m


def refusal(call, request):
    """Return the text with which a request is refused."""
    with pytest.raises(errors.EtcdError) as caught:
        call(request)
    return caught.value.message


@pytest.fixture
def users():
    """Users with root, and alice, who has the role app."""
    users = Users()
    for name in ("root", "app"):
        users.add_role(m.AuthRoleAddRequest(name=name))
    for name, role in (("root", "root"), ("alice", "app")):
        users.add_user(m.AuthUserAddRequest(name=name, password=f"{name}'s"))
        users.grant_role(m.AuthUserGrantRoleRequest(user=name, role=role))
    return users


@pytest.fixture
def enabled(users):
    users.enable(m.AuthEnableRequest())
    return users


def login(users, name="alice", password=None):
    request = m.AuthenticateRequest(name=name, password=f"{name}'s" if password is None else password)
    return users.authenticate(request).token


def grant(users, kind, key, end=b""):
    perm = {"permType": kind, "key": key, "range_end": end}
    users.grant_permission(m.AuthRoleGrantPermissionRequest(name="app", perm=perm))


def test_a_token_names_its_user_until_it_is_forgotten(enabled):
    token, other = login(enabled), login(enabled, "root")
    assert (enabled.user_of(token), enabled.user_of("")) == ("alice", "")
    enabled.forget_tokens("alice")
    assert enabled.user_of(other) == "root"
    with pytest.raises(errors.InvalidAuthTokenError):
        enabled.user_of(token)


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("alice", ""), ("nobody", "x")])
def test_a_wrong_login_is_refused(enabled, name, password):
    with pytest.raises(errors.AuthenticationFailedError):
        login(enabled, name, password)


def test_a_user_without_a_password_cannot_log_in(enabled):
    enabled.add_user(m.AuthUserAddRequest(name="bob", options={"no_password": True}))
    request = m.AuthenticateRequest(name="bob", password="x")
    assert "no password user" in refusal(enabled.authenticate, request)


def test_nobody_logs_in_while_authentication_is_disabled(users):
    assert "not enabled" in refusal(users.authenticate, m.AuthenticateRequest(name="alice", password="alice's"))


def test_enabling_needs_a_root_user_with_the_root_role():
    users = Users()
    assert "root user does not exist" in refusal(users.enable, m.AuthEnableRequest())
    users.add_user(m.AuthUserAddRequest(name="root", password="x"))
    assert "does not have root role" in refusal(users.enable, m.AuthEnableRequest())


def test_disabling_forgets_all_tokens_and_is_a_change(enabled):
    token, before = login(enabled), enabled.revision
    for _ in range(2):
        enabled.disable(m.AuthDisableRequest())
    assert (enabled.status(m.AuthStatusRequest()).enabled, enabled.revision) == (False, before + 1)
    with pytest.raises(errors.InvalidAuthTokenError):
        enabled.user_of(token)


@pytest.mark.parametrize(("granted", "reads", "writes"), [(READ, True, False), (WRITE, False, True), (READWRITE, 1, 1)])
def test_a_permission_is_for_reading_writing_or_both(users, granted, reads, writes):
    grant(users, granted, b"a", b"c")
    span = span_of(b"b", b"")
    assert (users.may("alice", READ, span), users.may("alice", WRITE, span)) == (reads, writes)


def test_permissions_add_up_and_root_needs_none(users):
    grant(users, READ, b"a", b"b")
    grant(users, READ, b"b", b"c")
    assert users.may("alice", READ, span_of(b"a", b"c"))
    assert not users.may("alice", READ, span_of(b"a", b"d"))
    assert users.may("root", WRITE, span_of(b"\0", b"\0"))
    assert not users.may("nobody", READ, span_of(b"a", b""))


def test_a_permission_for_the_same_range_replaces_the_one_before(users):
    grant(users, READ, b"b")
    grant(users, WRITE, b"b")
    grant(users, READ, b"a")
    listed = users.get_role(m.AuthRoleGetRequest(role="app")).perm
    assert [(one.key, one.permType) for one in listed] == [(b"a", READ), (b"b", WRITE)]
    users.revoke_permission(m.AuthRoleRevokePermissionRequest(role="app", key=b"a"))
    again = m.AuthRoleRevokePermissionRequest(role="app", key=b"a")
    assert "not granted" in refusal(users.revoke_permission, again)


def test_deleting_a_role_takes_it_from_its_users(users):
    users.delete_role(m.AuthRoleDeleteRequest(role="app"))
    assert [*users.get_user(m.AuthUserGetRequest(name="alice")).roles] == []
    assert [*users.list_roles(m.AuthRoleListRequest()).roles] == ["root"]


def test_a_role_is_granted_once_and_revoked_once(users):
    before = users.revision
    users.grant_role(m.AuthUserGrantRoleRequest(user="alice", role="app"))
    assert (users.revision, users.has_role("alice", "app")) == (before, True)
    request = m.AuthUserRevokeRoleRequest(name="alice", role="app")
    users.revoke_role(request)
    assert "not granted" in refusal(users.revoke_role, request)


def test_a_changed_password_makes_the_tokens_of_its_user_invalid(enabled):
    token = login(enabled)
    enabled.change_password(m.AuthUserChangePasswordRequest(name="alice", password="new"))
    with pytest.raises(errors.InvalidAuthTokenError):
        enabled.user_of(token)
    assert login(enabled, password="new")


NEEDED = {
    "delete_user": m.AuthUserDeleteRequest(name="root"),
    "delete_role": m.AuthRoleDeleteRequest(role="root"),
    "revoke_role": m.AuthUserRevokeRoleRequest(name="root", role="root"),
}


@pytest.mark.parametrize("name", NEEDED)
def test_root_cannot_be_removed_while_it_is_needed(enabled, name):
    assert "invalid auth management" in refusal(getattr(enabled, name), NEEDED[name])
    enabled.disable(m.AuthDisableRequest())
    getattr(enabled, name)(NEEDED[name])


MISSING = {
    "get_user": m.AuthUserGetRequest(name="x"),
    "delete_user": m.AuthUserDeleteRequest(name="x"),
    "change_password": m.AuthUserChangePasswordRequest(name="x"),
    "get_role": m.AuthRoleGetRequest(role="x"),
    "delete_role": m.AuthRoleDeleteRequest(role="x"),
    "grant_role": m.AuthUserGrantRoleRequest(user="alice", role="x"),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_does_not_exist_is_not_found(users, name):
    assert "not found" in refusal(getattr(users, name), MISSING[name])


def test_names_are_needed_and_are_given_once(users):
    assert "is empty" in refusal(users.add_user, m.AuthUserAddRequest())
    assert "is empty" in refusal(users.add_role, m.AuthRoleAddRequest())
    assert "already exists" in refusal(users.add_user, m.AuthUserAddRequest(name="alice"))
    assert "already exists" in refusal(users.add_role, m.AuthRoleAddRequest(name="app"))
    assert [*users.list_users(m.AuthUserListRequest()).users] == ["alice", "root"]


def test_all_permissions_are_needed():
    all_of([True, True])
    with pytest.raises(errors.PermissionDeniedError):
        all_of([True, False])
