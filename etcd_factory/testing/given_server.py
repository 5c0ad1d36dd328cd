"""A server that runs already, outside of the test suite."""

from __future__ import annotations

from attrs import field, frozen

from .binary import given_endpoints


@frozen
class GivenServer:
    """The etcd at the given endpoints; by default those in ``$ETCD_FACTORY_TEST_ENDPOINTS``."""

    endpoints: tuple[str, ...] = field(factory=given_endpoints)

    @property
    def endpoint(self) -> str:
        """The first endpoint."""
        return self.endpoints[0]
