"""Looking up the clients of a factory by name. Nothing here waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

from attrs import frozen

from etcd_factory.errors import ClientClosedError, InstanceNotFoundError
from etcd_factory.options import DEFAULT, FactoryOptions, Priority

T = TypeVar("T")

CLOSED = "the factory is closed; make a new one"


@frozen(eq=False)
class Held(Generic[T]):
    """A client with the options that it was made from; ``name`` is None for an unnamed one."""

    name: str | None
    options: object
    client: T


class Names(Generic[T]):
    """The lookups of a factory: clients by name, the default client, priorities."""

    def __init__(self, options: FactoryOptions) -> None:
        self._options = options
        self._held: list[Held[T]] = []  # in order of creation
        self._left: list[Held[T]] = []  # replaced, and still in use
        self._closed = False

    @property
    def clients(self) -> Mapping[str, T]:
        """A read-only mapping of the present clients by name."""
        return MappingProxyType({held.name: held.client for held in self._held if held.name is not None})

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order of creation."""
        return tuple(self.clients)

    @property
    def default_client_name(self) -> str | None:
        """The name of the client that ``get()`` returns: the configured one, else ``default``, else the only client."""
        names = self.names
        if self._options.default_client_name is not None or DEFAULT in names:
            return self._options.default_client_name or DEFAULT
        return names[0] if len(names) == 1 else None

    def get(self, name: str | None = None) -> T:
        """Return the client of that name, or the default one.

        Raises ``InstanceNotFoundError``, which lists the existing names.
        """
        self._open()
        held = self._find(self.default_client_name if name is None else name)
        if held is None:
            raise InstanceNotFoundError(name, self.names, self._options.default_client_name)
        return held.client

    def has(self, name: str) -> bool:
        """Whether there is a client of that name."""
        return name in self.names

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def priority(self, name: str) -> Priority:
        """Return the client's priority: high, medium (the default) or low."""
        return self._options.client_priority.get(name, "medium")

    def is_high_priority(self, name: str) -> bool:
        """Whether its priority is high."""
        return self.priority(name) == "high"

    def is_medium_priority(self, name: str) -> bool:
        """Whether its priority is medium."""
        return self.priority(name) == "medium"

    def is_low_priority(self, name: str) -> bool:
        """Whether its priority is low."""
        return self.priority(name) == "low"

    def _find(self, name: str | None) -> Held[T] | None:
        return next((held for held in self._held if name is not None and held.name == name), None)

    def _open(self) -> None:
        if self._closed:
            raise ClientClosedError(CLOSED)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'closed' if self._closed else ', '.join(self.names) or 'empty'}>"
