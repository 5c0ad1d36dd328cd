"""Users, roles, permissions and tokens (server/auth/store.go)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import Factory, define

from etcd_factory.wire import messages as m

from .refusals import refused, unimplemented
from .spans import Span, span_of

ROOT = "root"
READ, WRITE, READWRITE = range(3)


@define
class User:
    """A user; without a password it cannot log in."""

    password: str | None
    roles: set[str] = Factory(set[str])


class Users:
    """Users and roles by name, and the tokens of those who are logged in."""

    def __init__(self) -> None:
        self.enabled, self.revision = False, 1
        self._users: dict[str, User] = {}
        self._roles: dict[str, dict[tuple[bytes, bytes], int]] = {}
        self._tokens: dict[str, str] = {}

    # --- who calls

    def authenticate(self, request: m.AuthenticateRequest) -> m.AuthenticateResponse:
        """Return a new token."""
        if not self.enabled:
            raise refused("auth not enabled")
        user = self._users.get(request.name)
        if user is None:
            raise refused("auth failed")
        if user.password is None:
            raise refused("no password")
        if user.password != request.password:
            raise refused("auth failed")
        token = secrets.token_hex(8)
        self._tokens[token] = request.name
        return m.AuthenticateResponse(token=token)

    def user_of(self, token: str) -> str:
        """Return who has a token, an empty name for none; raises etcd's refusal of an unknown one."""
        if token and token not in self._tokens:
            raise refused("token")
        return self._tokens.get(token, "")

    def forget_tokens(self, name: str | None = None) -> None:
        """Make the tokens of a user invalid, or all."""
        self._tokens = {token: user for token, user in self._tokens.items() if name not in (None, user)}

    def is_root(self, name: str) -> bool:
        """Whether a user may do everything."""
        return name in self._users and ROOT in self._users[name].roles

    def may(self, name: str, kind: int, span: Span) -> bool:
        """Whether a user may read (``READ``) or write (``WRITE``) all keys of a range."""
        return self.is_root(name) or span.covered_by(self._granted(name, kind))

    def _granted(self, name: str, kind: int) -> Iterator[Span]:
        for role in self._user(name).roles if name in self._users else ():
            for (key, end), granted in self._roles.get(role, {}).items():
                if granted in (kind, READWRITE):
                    yield span_of(key, end)

    # --- switching it on and off

    def enable(self, _request: m.AuthEnableRequest) -> m.AuthEnableResponse:
        """Require tokens from now on."""
        if not self.enabled:
            if ROOT not in self._users:
                raise refused("no root user")
            if not self.is_root(ROOT):
                raise refused("no root role")
            self.enabled = True
        return m.AuthEnableResponse()

    def disable(self, _request: m.AuthDisableRequest) -> m.AuthDisableResponse:
        """Require tokens no longer."""
        if self.enabled:
            self.enabled = False
            self.forget_tokens()
            self.revision += 1
        return m.AuthDisableResponse()

    def status(self, _request: m.AuthStatusRequest) -> m.AuthStatusResponse:
        """Return whether tokens are required."""
        return m.AuthStatusResponse(enabled=self.enabled, authRevision=self.revision)

    # --- users

    def add_user(self, request: m.AuthUserAddRequest) -> m.AuthUserAddResponse:
        """Create a user."""
        if not request.name:
            raise refused("user empty")
        if request.name in self._users:
            raise refused("user exists")
        self._users[request.name] = User(None if request.options.no_password else request.password)
        self.revision += 1
        return m.AuthUserAddResponse()

    def get_user(self, request: m.AuthUserGetRequest) -> m.AuthUserGetResponse:
        """Return the roles of a user."""
        return m.AuthUserGetResponse(roles=sorted(self._user(request.name).roles))

    def list_users(self, _request: m.AuthUserListRequest) -> m.AuthUserListResponse:
        """Return the names of all users."""
        return m.AuthUserListResponse(users=sorted(self._users))

    def delete_user(self, request: m.AuthUserDeleteRequest) -> m.AuthUserDeleteResponse:
        """Delete a user."""
        self._protect(request.name == ROOT)
        self._user(request.name)
        del self._users[request.name]
        self.forget_tokens(request.name)
        self.revision += 1
        return m.AuthUserDeleteResponse()

    def change_password(self, request: m.AuthUserChangePasswordRequest) -> m.AuthUserChangePasswordResponse:
        """Replace a password; hashed ones cannot be compared here."""
        if request.hashedPassword:
            raise unimplemented("hashed passwords")
        self._user(request.name).password = request.password
        self.forget_tokens(request.name)
        self.revision += 1
        return m.AuthUserChangePasswordResponse()

    def grant_role(self, request: m.AuthUserGrantRoleRequest) -> m.AuthUserGrantRoleResponse:
        """Give a user a role."""
        user = self._user(request.user)
        if request.role != ROOT:
            self._role(request.role)
        self.revision += request.role not in user.roles
        user.roles.add(request.role)
        return m.AuthUserGrantRoleResponse()

    def revoke_role(self, request: m.AuthUserRevokeRoleRequest) -> m.AuthUserRevokeRoleResponse:
        """Take a role from a user."""
        self._protect(request.name == request.role == ROOT)
        user = self._user(request.name)
        if request.role not in user.roles:
            raise refused("role not granted")
        user.roles.remove(request.role)
        self.revision += 1
        return m.AuthUserRevokeRoleResponse()

    # --- roles

    def add_role(self, request: m.AuthRoleAddRequest) -> m.AuthRoleAddResponse:
        """Create a role."""
        if not request.name:
            raise refused("role empty")
        if request.name in self._roles:
            raise refused("role exists")
        self._roles[request.name] = {}
        self.revision += 1
        return m.AuthRoleAddResponse()

    def get_role(self, request: m.AuthRoleGetRequest) -> m.AuthRoleGetResponse:
        """Return the permissions of a role, by key."""
        granted = sorted(self._role(request.role).items())
        perm = [m.Permission(permType=kind, key=key, range_end=end) for (key, end), kind in granted]
        return m.AuthRoleGetResponse(perm=perm)

    def list_roles(self, _request: m.AuthRoleListRequest) -> m.AuthRoleListResponse:
        """Return the names of all roles."""
        return m.AuthRoleListResponse(roles=sorted(self._roles))

    def delete_role(self, request: m.AuthRoleDeleteRequest) -> m.AuthRoleDeleteResponse:
        """Delete a role, and take it from all users."""
        self._protect(request.role == ROOT)
        self._role(request.role)
        del self._roles[request.role]
        for user in self._users.values():
            user.roles.discard(request.role)
        self.revision += 1
        return m.AuthRoleDeleteResponse()

    def grant_permission(self, request: m.AuthRoleGrantPermissionRequest) -> m.AuthRoleGrantPermissionResponse:
        """Give a role a permission, in place of one for the same range."""
        self._role(request.name)[request.perm.key, request.perm.range_end] = request.perm.permType
        self.revision += 1
        return m.AuthRoleGrantPermissionResponse()

    def revoke_permission(self, request: m.AuthRoleRevokePermissionRequest) -> m.AuthRoleRevokePermissionResponse:
        """Take a permission from a role."""
        if self._role(request.role).pop((request.key, request.range_end), None) is None:
            raise refused("permission not granted")
        self.revision += 1
        return m.AuthRoleRevokePermissionResponse()

    def has_role(self, name: str, role: str) -> bool:
        """Whether a user has a role."""
        return name in self._users and role in self._users[name].roles

    def _user(self, name: str) -> User:
        if name not in self._users:
            raise refused("user not found")
        return self._users[name]

    def _role(self, name: str) -> dict[tuple[bytes, bytes], int]:
        if name not in self._roles:
            raise refused("role not found")
        return self._roles[name]

    def _protect(self, is_needed: bool) -> None:
        """Raise etcd's refusal to remove what it needs while authentication is enabled."""
        if self.enabled and is_needed:
            raise refused("auth management")


METHODS: dict[str, Callable[[Users, Any], Any]] = {
    "Auth.Authenticate": Users.authenticate,
    "Auth.AuthEnable": Users.enable,
    "Auth.AuthDisable": Users.disable,
    "Auth.AuthStatus": Users.status,
    "Auth.UserAdd": Users.add_user,
    "Auth.UserGet": Users.get_user,
    "Auth.UserList": Users.list_users,
    "Auth.UserDelete": Users.delete_user,
    "Auth.UserChangePassword": Users.change_password,
    "Auth.UserGrantRole": Users.grant_role,
    "Auth.UserRevokeRole": Users.revoke_role,
    "Auth.RoleAdd": Users.add_role,
    "Auth.RoleGet": Users.get_role,
    "Auth.RoleList": Users.list_roles,
    "Auth.RoleDelete": Users.delete_role,
    "Auth.RoleGrantPermission": Users.grant_permission,
    "Auth.RoleRevokePermission": Users.revoke_permission,
}


def all_of(checks: Iterable[bool]) -> None:
    """Raise etcd's refusal unless all permissions are there."""
    if not all(checks):
        raise refused("permission denied")
