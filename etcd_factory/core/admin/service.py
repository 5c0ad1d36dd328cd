"""The part of a service that rules its cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.core.call.rpc import ask, text
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F, operation
from etcd_factory.core.op import number
from etcd_factory.wire import methods

if TYPE_CHECKING:
    from .auth import Auth, Role, User
    from .cluster import Cluster
    from .maintenance import Maintenance


class Admin(Bound[F]):
    """What few programs do to a cluster, loaded when it is asked for."""

    __slots__ = ()

    _run: View

    def role(self, name: str) -> Role[F]:
        """The role of that name: a handle, with which it is made, given permissions and users, and deleted."""
        from .auth import Role

        return Role(self._run, text(name, "a role's name"))

    def user(self, name: str) -> User[F]:
        """The user of that name: a handle, with which it is made, given roles, and deleted."""
        from .auth import User

        return User(self._run, text(name, "a user's name"))

    @operation
    async def roles(self) -> list[str]:
        """The names of all roles."""
        return list((await ask(self._run, "roles", methods.ROLE_LIST)).roles)

    @operation
    async def users(self) -> list[str]:
        """The names of all users."""
        return list((await ask(self._run, "users", methods.USER_LIST)).users)

    @property
    def auth(self) -> Auth[F]:
        """Whether etcd asks its users who they are."""
        from .auth import Auth

        return Auth(self._run)

    @property
    def cluster(self) -> Cluster[F]:
        """The members of the cluster."""
        from .cluster import Cluster

        return Cluster(self._run)

    @property
    def maintenance(self) -> Maintenance[F]:
        """How members fare, and what keeps them well."""
        from .maintenance import Maintenance

        return Maintenance(self._run)

    @operation
    async def compact(self, revision: int, physical: bool = False) -> None:
        """Forget what was before a revision; with ``physical`` wait until that is done on disk too.

        ``CompactedError`` if that has been done, ``FutureRevisionError`` if the revision has not happened yet.
        """
        asked = number(revision, "a revision")
        await ask(self._run, f"compact {asked}", methods.COMPACT, revision=asked, physical=physical)
