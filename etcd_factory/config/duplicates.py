"""Keys that are written twice in one mapping: where they are, and what may be shown of them."""

from __future__ import annotations

from collections.abc import Iterator

from etcd_factory.options.groups import Auth
from etcd_factory.options.kinds import is_list, is_mapping
from etcd_factory.options.names import canonical
from etcd_factory.options.secret import is_secret
from etcd_factory.options.structure import shown_key


def duplicate(path: tuple[str, ...], key: str) -> str:
    """Return the problem of a key that is twice in the mapping at a path; inside a secret it may be a part of it."""
    if any(map(is_secret, path)):
        return "found a duplicate key"
    return f"found duplicate key {shown_key(Auth, key) if path and canonical(path[-1]) == 'auth' else key}"


def ways_to(wanted: object, value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of a value inside another one, found by its identity; it ends at the key of a secret."""
    if value is wanted:
        yield path
    elif is_mapping(value):
        for key, each in value.items():
            yield from ways_to(wanted, each, path if path and is_secret(path[-1]) else (*path, key))
    elif is_list(value):
        for index, each in enumerate(value):
            yield from ways_to(wanted, each, (*path, str(index)))
