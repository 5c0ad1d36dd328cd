"""Who may do what: roles, users, and whether etcd asks for them at all."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from etcd_factory.core.call.rpc import ask, text
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F, operation
from etcd_factory.core.kv.builders import word
from etcd_factory.core.kv.ranges import span
from etcd_factory.core.op import Text, raw
from etcd_factory.model.cluster import AuthStatus, Permission
from etcd_factory.model.ranges import Span, prefixed, within
from etcd_factory.wire import admin, methods
from etcd_factory.wire.methods import Method


def target(key: Text | None, prefix: Text | None, range: tuple[Text, Text] | None) -> Span:  # noqa: A002
    """The one that is given as a range; ``TypeError`` if it is not one."""
    if sum(part is not None for part in (key, prefix, range)) != 1:
        raise TypeError("give one of these: a key, prefix=... or range=(start, end)")
    if key is not None:
        return raw(key), b""
    return within(b"", *(span(*range) if range is not None else prefixed(raw(prefix, "a prefix"))))


def named(handle: Any, what: str) -> str:
    """A name, from one or from a handle."""
    return text(getattr(handle, "name", handle), what)


@frozen
class Handle(Bound[F]):
    """A name, and what can be done with what has it. Making one asks nothing of etcd."""

    _run: View = field(repr=False)
    name: str

    async def _ask(self, what: str, method: Method, /, **fields: Any) -> Any:
        return await ask(self._run, f"{type(self).__name__.lower()} {self.name!r} {what}", method, **fields)


class Role(Handle[F]):
    """A role by its name, whether there is one or not: ``role("reader").grant("read", prefix="public/")``.

    Keys are those of the whole cluster, as roles are: a client's namespace is not put before them. All but ``create``
    raise ``RoleNotFoundError`` where there is no such role.
    """

    __slots__ = ()

    @operation
    async def create(self) -> None:
        """Make it, with no permissions; ``RoleExistsError`` if there is one of that name."""
        await self._ask("create", methods.ROLE_ADD, name=self.name)

    @operation
    async def delete(self) -> None:
        """Take it from everybody who has it, and forget it."""
        await self._ask("delete", methods.ROLE_DELETE, role=self.name)

    @operation
    async def grant(
        self,
        permission: str,
        key: Text | None = None,
        *,
        prefix: Text | None = None,
        range: tuple[Text, Text] | None = None,  # noqa: A002
    ) -> None:
        r"""Allow it to ``read``, ``write`` or ``readwrite`` one of these: a key, a prefix, a range (start, end).

        The end is the first key not in the range, ``"\0"`` for all from ``start`` on. What was granted for the same
        key or range before is replaced.
        """
        kind = word(permission, admin.PERMISSIONS, "the permission")
        start, end = target(key, prefix, range)
        fields = {"permType": kind, "key": start, "range_end": end}
        await self._ask("grant", methods.ROLE_GRANT_PERMISSION, name=self.name, perm=fields)

    @operation
    async def revoke(
        self,
        key: Text | None = None,
        *,
        prefix: Text | None = None,
        range: tuple[Text, Text] | None = None,  # noqa: A002
    ) -> None:
        """Take back what was granted for exactly this key, prefix or range; ``PreconditionError`` if nothing was."""
        start, end = target(key, prefix, range)
        await self._ask("revoke", methods.ROLE_REVOKE_PERMISSION, role=self.name, key=start, range_end=end)

    @operation
    async def permissions(self) -> tuple[Permission, ...]:
        """All that it may do."""
        return admin.permissions(await self._ask("permissions", methods.ROLE_GET, role=self.name))

    @operation
    async def add_user(self, user: str | User[Any]) -> None:
        """Give it to a user; ``UserNotFoundError`` if there is no such user."""
        await self._ask("add_user", methods.USER_GRANT_ROLE, user=named(user, "a user"), role=self.name)

    @operation
    async def remove_user(self, user: str | User[Any]) -> None:
        """Take it from a user; ``RoleNotGrantedError`` if the user does not have it."""
        await self._ask("remove_user", methods.USER_REVOKE_ROLE, name=named(user, "a user"), role=self.name)


class User(Handle[F]):
    """A user by its name, whether there is one or not: ``user("alice").create("wonder")``.

    All but ``create`` raise ``UserNotFoundError`` where there is no such user.
    """

    __slots__ = ()

    @operation
    async def create(self, password: str | None) -> None:
        """Make it, with no roles; ``UserExistsError`` if there is one of that name.

        With None as password the user can show who it is only by a TLS certificate. That needs etcd 3.4.
        """
        fields = {"options": {"no_password": True}} if password is None else {"password": text(password, "a password")}
        await self._ask("create", methods.USER_ADD, name=self.name, **fields)

    @operation
    async def delete(self) -> None:
        """Forget it."""
        await self._ask("delete", methods.USER_DELETE, name=self.name)

    @operation
    async def set_password(self, password: str) -> None:
        """Give it another password; tokens fetched with the old one are no longer good."""
        fields = {"name": self.name, "password": text(password, "a password")}
        await self._ask("set_password", methods.USER_CHANGE_PASSWORD, **fields)

    @operation
    async def roles(self) -> list[str]:
        """The names of the roles that it has."""
        return list((await self._ask("roles", methods.USER_GET, name=self.name)).roles)

    @operation
    async def add_role(self, role: str | Role[Any]) -> None:
        """Give it a role; ``RoleNotFoundError`` if there is no such role."""
        await self._ask("add_role", methods.USER_GRANT_ROLE, user=self.name, role=named(role, "a role"))

    @operation
    async def remove_role(self, role: str | Role[Any]) -> None:
        """Take a role from it; ``RoleNotGrantedError`` if it does not have it."""
        await self._ask("remove_role", methods.USER_REVOKE_ROLE, name=self.name, role=named(role, "a role"))


@frozen
class Auth(Bound[F]):
    """Whether etcd asks its users who they are."""

    _run: View = field(repr=False)

    @operation
    async def enable(self) -> None:
        """Ask from now on; ``PreconditionError`` unless there is a user root that has the role root.

        A client without ``auth`` is then refused with ``InvalidAuthTokenError``.
        """
        await ask(self._run, "auth enable", methods.AUTH_ENABLE)

    @operation
    async def disable(self) -> None:
        """Ask no more: everybody may do everything."""
        await ask(self._run, "auth disable", methods.AUTH_DISABLE)

    @operation
    async def status(self) -> AuthStatus:
        """Whether it is enabled."""
        return admin.auth_status(await ask(self._run, "auth status", methods.AUTH_STATUS))
