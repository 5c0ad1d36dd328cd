"""The root of all errors, and the errors that the caller must fix: configuration and names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any, TypeVar

from attrs import frozen

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

E = TypeVar("E", bound=Exception)
S = TypeVar("S", bound=str)


class EtcdFactoryError(Exception):
    """Base class of every error that this package raises."""


class DistributionError(EtcdFactoryError, ImportError):
    """The installed ``etcd3`` is not python-etcd3, whose message descriptors are needed."""


@frozen
class Fault:
    """One problem in a configuration: where it was written, its key path, what to do."""

    file: str
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.path, self.message) if part)


class ConfigError(EtcdFactoryError, ValueError):
    """An invalid configuration; ``faults`` lists every problem."""

    def __init__(self, *faults: Fault | str) -> None:
        self.faults = tuple(Fault("", "", f) if isinstance(f, str) else f for f in faults)
        super().__init__(*self.faults)

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return str(self.faults[0])
        lines = [f"{len(self.faults)} problems in the configuration:", *map(str, self.faults)]
        return "\n  ".join(lines)


class InstanceNotFoundError(EtcdFactoryError, KeyError):
    """There is no client of that name; with None as ``name`` there is no default client."""

    def __init__(self, name: str | None, known: Iterable[str] = (), default: str | None = None) -> None:
        self.name, self.known, self.default = name, tuple(known), default
        super().__init__(name, self.known, default)

    def __str__(self) -> str:
        if self.name is None and self.default is not None:
            near = suggestion(self.default, self.known)
            problem = f"etcd default instance not found: default_client_name is {self.default!r}{near}"
        elif self.name is None:
            problem = "etcd default instance not found: name a client 'default', or set default_client_name"
        else:
            problem = f"no etcd client named {self.name!r}{suggestion(self.name, self.known)}"
        return f"{problem}; the clients are: {', '.join(self.known) or 'none'}"


class InstanceExistsError(EtcdFactoryError):
    """A client of that name exists with other options."""

    ADVICE = "pass on_exists='return' to use it or on_exists='replace' to replace it"

    def __init__(self, name: str, advice: str = ADVICE) -> None:
        self.name, self.advice = name, advice
        super().__init__(name, advice)

    def __str__(self) -> str:
        return f"an etcd client named {self.name!r} exists with other options; {self.advice}"


class NoInstanceError(EtcdFactoryError, LookupError):
    """The service has no instance to pick."""

    def __init__(self, service: str, status: str | None = None, tags: Iterable[str] = ()) -> None:
        self.service, self.status, self.tags = service, status, tuple(sorted(tags))
        super().__init__(service, status, self.tags)

    def __str__(self) -> str:
        tagged = f" with the tags {', '.join(self.tags)}" if self.tags else ""
        return f"no instance of {self.service!r} is {self.status or 'registered'}{tagged}"


class CloseError(EtcdFactoryError, ExceptionGroup[Exception]):
    """Closing some clients failed; all were tried. ``failures`` has the errors by client, ``except*`` works."""

    failures: Mapping[str, Exception]

    def __new__(cls, failures: Mapping[str, Exception]) -> CloseError:
        """Create a group of the errors."""
        message = "; ".join(f"closing {name!r} failed: {error!r}" for name, error in failures.items())
        made = super().__new__(cls, message, list(failures.values()))
        made.failures = dict(failures)
        return made

    def __init__(self, failures: Mapping[str, Exception]) -> None: ...

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.failures,)

    def derive(self, excs: Sequence[Any], /) -> Any:
        """Return the part of the group that ``except*`` caught."""
        return CloseError({name: error for name, error in self.failures.items() if error in excs})


class ClientClosedError(EtcdFactoryError):
    """The client or its factory is closed, or not open yet."""

    def __init__(self, message: str = "this etcd client is closed; create a new one") -> None:
        super().__init__(message)


def copied(error: E) -> E:
    """Return an error for one more of those who waited for the same thing: each raises, and completes, its own."""
    one = copy(error)
    one.__cause__ = error.__cause__
    return one


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'hosts'?`` if a known name is similar, else an empty text."""
    near = similar(name, known)
    return f"; did you mean {near[0]!r}?" if near else ""


def similar(name: str, known: Iterable[str]) -> list[str]:
    """Return the most similar known name, if one is similar."""
    import difflib  # only an error needs it

    return difflib.get_close_matches(name, list(known), n=1)


def choice(value: object, allowed: Iterable[S], what: str = "") -> S:
    """Return ``value`` if it is one of ``allowed``.

    Raises ``ValueError`` that lists the allowed strings and suggests the most similar one. ``what`` names the value in
    the message: ``on_exists: expected one of error, return, replace, got 'retrun'; did you mean 'return'?``.
    """
    known = tuple(allowed)
    for one in known:
        if value == one:
            return one
    place = f"{what}: " if what else ""
    listed = ", ".join(known)
    raise ValueError(f"{place}expected one of {listed}, got {value!r}{suggestion(str(value), known)}")
