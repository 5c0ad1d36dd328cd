"""Roles, users, and whether etcd requires authentication."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import Any, Literal

from attrs import field, frozen

from etcd_factory.core.arguments import Text, name, to_bytes
from etcd_factory.core.bound import Bound, operation
from etcd_factory.core.call import rpc
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.kv.ranges import key_range
from etcd_factory.core.ports import Q, R
from etcd_factory.errors import EtcdFactoryError, choice
from etcd_factory.model.cluster import AuthStatus, Permission
from etcd_factory.model.ranges import KeyRange, in_namespace, prefix_range
from etcd_factory.wire import admin, methods
from etcd_factory.wire.methods import Method

from . import passwords

PermissionType = Literal["read", "write", "readwrite"]


class NotGiven(Enum):
    """The type of ``NOT_GIVEN``: None is a user without a password."""

    NOT_GIVEN = "not given"


def target(key: Text | None, prefix: Text | None, range: tuple[Text, Text] | None) -> KeyRange:  # noqa: A002
    """Return the one that is passed as a range; ``TypeError`` if it is not exactly one."""
    if sum(part is not None for part in (key, prefix, range)) != 1:
        raise TypeError("pass exactly one of: a key, prefix=... or range=(start, end)")
    if key is not None:
        return to_bytes(key), b""
    if range is not None:
        return in_namespace(b"", *key_range(*range))
    assert prefix is not None
    return in_namespace(b"", *prefix_range(to_bytes(prefix, "a prefix")))


def name_of(handle: Any, what: str) -> str:
    """Return a name, from one or from a handle."""
    return name(getattr(handle, "name", handle), what)


@frozen
class Handle(Bound[F]):
    """The name of a role or user, and what can be done with it. Creating a handle makes no request."""

    _run: View = field(repr=False)
    name: str

    async def _call(self, what: str, method: Method[Q, R], /, **fields: object) -> R:
        return await rpc.call(self._run, self._label(what), method, **fields)

    async def _call_at(self, host: str | None, what: str, method: Method[Q, R], /, **fields: object) -> tuple[R, str]:
        """Return the response of one host, or of any, and which it was."""
        return await rpc.call_endpoint(self._run, self._label(what), method, host, **fields)

    def _label(self, what: str) -> str:
        return f"{type(self).__name__.lower()} {self.name!r} {what}"


class Role(Handle[F]):
    """A role by its name, existing or not: ``role("reader").grant("read", prefix="public/")``.

    Keys are those of the whole cluster, as roles are: a client's namespace is not added. All methods except ``create``
    raise ``RoleNotFoundError`` if there is no such role.
    """

    __slots__ = ()

    @operation
    async def create(self) -> None:
        """Create it, without permissions. Raises ``RoleExistsError`` if there is one of that name."""
        await self._call("create", methods.ROLE_ADD, name=self.name)

    @operation
    async def delete(self) -> None:
        """Delete it, and revoke it from all users."""
        await self._call("delete", methods.ROLE_DELETE, role=self.name)

    @operation
    async def grant(
        self,
        permission: PermissionType,
        key: Text | None = None,
        *,
        prefix: Text | None = None,
        range: tuple[Text, Text] | None = None,  # noqa: A002
    ) -> None:
        r"""Grant ``read``, ``write`` or ``readwrite`` on one of these: a key, a prefix, a range (start, end).

        The end is the first key not in the range, ``"\0"`` for all from ``start`` on. A permission granted for the same
        key or range before is replaced.
        """
        kind = admin.PERMISSIONS[choice(permission, admin.PERMISSIONS, "permission")]
        start, end = target(key, prefix, range)
        fields = {"permType": kind, "key": start, "range_end": end}
        await self._call("grant", methods.ROLE_GRANT_PERMISSION, name=self.name, perm=fields)

    @operation
    async def revoke(
        self,
        key: Text | None = None,
        *,
        prefix: Text | None = None,
        range: tuple[Text, Text] | None = None,  # noqa: A002
    ) -> None:
        """Revoke what was granted for exactly this key or range. Raises ``PreconditionError`` if nothing was."""
        start, end = target(key, prefix, range)
        await self._call("revoke", methods.ROLE_REVOKE_PERMISSION, role=self.name, key=start, range_end=end)

    @operation
    async def permissions(self) -> tuple[Permission, ...]:
        """Return all its permissions."""
        return admin.permissions(await self._call("permissions", methods.ROLE_GET, role=self.name))

    @operation
    async def add_user(self, user: str | User[Any]) -> None:
        """Grant it to a user. Raises ``UserNotFoundError`` if there is no such user."""
        await self._call("add_user", methods.USER_GRANT_ROLE, user=name_of(user, "a user"), role=self.name)

    @operation
    async def remove_user(self, user: str | User[Any]) -> None:
        """Revoke it from a user. Raises ``RoleNotGrantedError`` if the user does not have it."""
        await self._call("remove_user", methods.USER_REVOKE_ROLE, name=name_of(user, "a user"), role=self.name)


class User(Handle[F]):
    """A user by its name, existing or not: ``user("alice").create("wonder")``.

    All methods except ``create`` raise ``UserNotFoundError`` if there is no such user.
    """

    __slots__ = ()

    @operation
    async def create(
        self, password: str | NotGiven | None = NotGiven.NOT_GIVEN, *, hashed: str | bytes | None = None
    ) -> None:
        """Create it, without roles. Raises ``UserExistsError`` if there is one of that name.

        With None as password the user can authenticate only by a TLS certificate, from etcd 3.4 on.

        ``hashed`` is the bcrypt hash of the password, in place of it. As etcd ignores hashes where a user is added, the
        user gets a password that nobody knows, and then that one: two calls; if the second fails or is cancelled, the
        user is deleted. Raises ``PreconditionError`` before etcd 3.5, which ignores hashes everywhere.
        """
        if hashed is not None:
            return await self._create_hashed(password, hashed)
        if password is NotGiven.NOT_GIVEN:
            raise TypeError("pass a password, hashed, or None for a user without a password")
        fields = {"options": {"no_password": True}} if password is None else {"password": name(password, "a password")}
        await self._call("create", methods.USER_ADD, name=self.name, **fields)
        return None

    async def _create_hashed(self, password: str | NotGiven | None, hashed: str | bytes) -> None:
        if password is not NotGiven.NOT_GIVEN:
            raise TypeError(passwords.BOTH)
        data = passwords.encoded(hashed)
        host = await self._takes_hashes("create")
        await self._call_at(host, "create", methods.USER_ADD, name=self.name, password=passwords.unknown())
        try:
            await self._set_hashed(host, "create", data)
        except GeneratorExit:
            raise
        except Exception:
            await self._take_back()
            raise
        except BaseException:  # cancelled or interrupted: nobody waits for it
            self._run.client.background.spawn(self._take_back, "etcd_factory user left")
            raise

    async def _take_back(self) -> None:
        with suppress(EtcdFactoryError):
            await self._call("create", methods.USER_DELETE, name=self.name)

    async def _takes_hashes(self, what: str) -> str:
        """Return a host that certainly takes hashes; raises ``PreconditionError`` if it does not."""
        reply, host = await self._call_at(None, what, methods.STATUS)
        with rpc.labelled(self._label(what)):
            passwords.check_version(reply.version, host)
        return host

    async def _set_hashed(self, host: str, what: str, data: str) -> None:
        await self._call_at(host, what, methods.USER_CHANGE_PASSWORD, name=self.name, hashedPassword=data)

    @operation
    async def delete(self) -> None:
        """Delete it."""
        await self._call("delete", methods.USER_DELETE, name=self.name)

    @operation
    async def set_password(self, password: str | None = None, *, hashed: str | bytes | None = None) -> None:
        """Change its password; tokens fetched with the old one become invalid.

        ``hashed`` is the bcrypt hash of the password, in place of it. Raises ``PreconditionError`` before etcd 3.5,
        which ignores it.
        """
        if hashed is None:
            fields = {"name": self.name, "password": name(password, "a password")}
            await self._call("set_password", methods.USER_CHANGE_PASSWORD, **fields)
        elif password is not None:
            raise TypeError(passwords.BOTH)
        else:
            data = passwords.encoded(hashed)
            await self._set_hashed(await self._takes_hashes("set_password"), "set_password", data)

    @operation
    async def roles(self) -> list[str]:
        """Return the names of its roles."""
        return list((await self._call("roles", methods.USER_GET, name=self.name)).roles)

    @operation
    async def add_role(self, role: str | Role[Any]) -> None:
        """Grant it a role. Raises ``RoleNotFoundError`` if there is no such role."""
        await self._call("add_role", methods.USER_GRANT_ROLE, user=self.name, role=name_of(role, "a role"))

    @operation
    async def remove_role(self, role: str | Role[Any]) -> None:
        """Revoke a role from it. Raises ``RoleNotGrantedError`` if it does not have it."""
        await self._call("remove_role", methods.USER_REVOKE_ROLE, name=self.name, role=name_of(role, "a role"))


@frozen
class Auth(Bound[F]):
    """Whether etcd requires its users to authenticate."""

    _run: View = field(repr=False)

    @operation
    async def enable(self) -> None:
        """Require authentication. Raises ``PreconditionError`` unless there is a user root that has the role root.

        A client without ``auth`` is then refused with ``InvalidAuthTokenError``.
        """
        await rpc.call(self._run, "auth enable", methods.AUTH_ENABLE)

    @operation
    async def disable(self) -> None:
        """Stop requiring authentication: everybody may do everything."""
        await rpc.call(self._run, "auth disable", methods.AUTH_DISABLE)

    @operation
    async def status(self) -> AuthStatus:
        """Return whether it is enabled."""
        return admin.auth_status(await rpc.call(self._run, "auth status", methods.AUTH_STATUS))
