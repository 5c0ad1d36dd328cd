"""The part of a service that administers its cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etcd_factory.core.arguments import count, name
from etcd_factory.core.bound import Bound, operation
from etcd_factory.core.call import rpc
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.wire import methods

if TYPE_CHECKING:
    from .auth import Auth, Role, User
    from .cluster import Cluster
    from .maintenance import Maintenance

NAME = name  # inside the class the name is a parameter's


class Admin(Bound[F]):
    """Administration, which few programs do: its parts are loaded when they are used."""

    __slots__ = ()

    _run: View

    def role(self, name: str) -> Role[F]:
        """Return a handle of the role of that name: create it, grant permissions and users, delete it."""
        from .auth import Role

        return Role(self._run, NAME(name, "a role's name"))

    def user(self, name: str) -> User[F]:
        """Return a handle of the user of that name: create it, grant roles, delete it."""
        from .auth import User

        return User(self._run, NAME(name, "a user's name"))

    @operation
    async def roles(self) -> list[str]:
        """Return the names of all roles."""
        return list((await rpc.call(self._run, "roles", methods.ROLE_LIST)).roles)

    @operation
    async def users(self) -> list[str]:
        """Return the names of all users."""
        return list((await rpc.call(self._run, "users", methods.USER_LIST)).users)

    @property
    def auth(self) -> Auth[F]:
        """Whether etcd requires its users to authenticate."""
        from .auth import Auth

        return Auth(self._run)

    @property
    def cluster(self) -> Cluster[F]:
        """The members of the cluster."""
        from .cluster import Cluster

        return Cluster(self._run)

    @property
    def maintenance(self) -> Maintenance[F]:
        """Status and maintenance of members."""
        from .maintenance import Maintenance

        return Maintenance(self._run)

    @operation
    async def compact(self, revision: int, physical: bool = False) -> None:
        """Discard the history before a revision; with ``physical`` wait until that is done on disk too.

        Raises ``CompactedError`` if it is compacted already, ``FutureRevisionError`` if the revision does not exist
        yet.
        """
        asked = count(revision, "a revision")
        await rpc.call(self._run, f"compact {asked}", methods.COMPACT, revision=asked, physical=physical)
