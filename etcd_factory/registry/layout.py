"""Where instances are in etcd: prefixes, keys below them, and the formats of their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve, field, frozen

from etcd_factory.model import KeyValue

from .formats import EtcdFactory, Format, FormatLike, format_of
from .formats.once import Once
from .instance import ServiceInstance


@frozen(eq=False)
class Layout:
    """The keys ``<prefix><service>/<id>``, whose values are in one of these formats: in the first that reads it."""

    prefix: bytes
    formats: tuple[Format, ...]
    _once: Once = field(factory=Once, init=False)

    def below(self, service: str) -> bytes:
        """Return the prefix of the keys of a service."""
        return self.prefix + service.encode() + b"/"

    def service(self, key: bytes) -> bytes:
        """Return the service of a key, empty if the key is not that of an instance."""
        service, _, id = key[len(self.prefix) :].partition(b"/")  # noqa: A001
        return service if id else b""

    def decode(self, kv: KeyValue) -> ServiceInstance | None:
        """Return the instance of a key; None, with a warning that is logged once, if it is in none of the formats.

        Service and id are read from the key. Nothing that others write, and no error of a format, ends the reading.
        """
        found, problem = self.read(kv)
        if found is None:
            self._once.warn("ignoring %r, which is not an instance of a service: %s", kv.key, problem)
        return found

    def read(self, kv: KeyValue) -> tuple[ServiceInstance | None, str]:
        """Return the instance of a key, or None and why there is none."""
        problems: list[str] = []
        for one in self.formats:
            try:
                return self._read(one, kv), ""
            except Exception as error:  # a format of the user's may raise anything, and JSON a RecursionError
                problems.append(f"{error}" if isinstance(error, ValueError) else f"{type(error).__name__}: {error}")
        return None, "; ".join(problems)

    def _read(self, one: Format, kv: KeyValue) -> ServiceInstance:
        service, _, id = kv.key[len(self.prefix) :].decode().partition("/")  # noqa: A001
        if not service or not id or ("/" in id and not one.deep):
            raise ValueError("its key is not <service>/<id>")
        found = one.decode(service, id, kv.value)
        return found if (found.service, found.id) == (service, id) else evolve(found, service=service, id=id)


def layouts(written: Format, namespace: str | None, read: Iterable[FormatLike]) -> tuple[Layout, ...]:
    """Return the layout of the written format, then those of the others that are read, one for each prefix.

    ``namespace`` is that of the written format; the others have their own.
    """
    formats = {prefix_of(written.namespace if namespace is None else namespace): [written]}
    for one in map(format_of, read):
        if one != written:
            formats.setdefault(prefix_of(one.namespace), []).append(one)
    return tuple(Layout(prefix, tuple(sorted(found, key=reads_all))) for prefix, found in formats.items())


def prefix_of(namespace: str) -> bytes:
    """Return the prefix of all keys of a namespace."""
    if not isinstance(namespace, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a namespace must be a str, not {type(namespace).__name__}")
    return namespace.rstrip("/").encode() + b"/" if namespace else b""


def reads_all(one: Format) -> bool:
    """Whether a format reads any JSON object; it comes after the others."""
    return isinstance(one, EtcdFactory)


def merged(lists: Iterable[Sequence[ServiceInstance]]) -> list[ServiceInstance]:
    """Return the instances of several layouts, sorted by id.

    One that is registered in several formats, by its id or address, is there once: as the first list has it.
    """
    found: list[ServiceInstance] = []
    for instances in lists:
        known = {(one.id,) for one in found} | {(one.host, one.port) for one in found if one.port is not None}
        found += [one for one in instances if not known & {(one.id,), (one.host, one.port)}]
    return sorted(found, key=lambda one: one.id)
