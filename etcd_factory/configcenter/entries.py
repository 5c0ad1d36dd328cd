"""How configuration is stored in etcd: one key for each value, ``<prefix>db/port`` for ``db.port``, as YAML.

Overrides for single instances or groups are stored under ``<prefix>@<name>/``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from etcd_factory.config.faults import noted
from etcd_factory.config.sources import PLAIN, Part
from etcd_factory.config.variable_values import read
from etcd_factory.config.variables import put
from etcd_factory.core.arguments import key_part, name
from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options.interpolation import escaped

Entries = Mapping[str, str]  # values as text, by their keys below the prefix

AUDIENCE = "@"
YAML_NUMBERS = {"Infinity": ".inf", "-Infinity": "-.inf", "NaN": ".nan"}  # by their names in Python's JSON
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # allowed in JSON, not in YAML


def key_of(key: object, only: str | None = None) -> str:
    """Return a key below the prefix; ``TypeError`` or ``ValueError`` if it is invalid."""
    found = name(key, "a key")
    if found.startswith(AUDIENCE) or not all(path_of(found)):
        raise ValueError(f"invalid key {found!r}; write it like 'db/port' or 'db.port'")
    return found if only is None else f"{AUDIENCE}{audience(only)}/{found}"


def audience(instance: object) -> str:
    """Return the name of an instance or a group."""
    return key_part(instance, "the name of an instance or a group")


def spellings(key: str) -> list[str]:
    """Return every way to write a key, the given one first."""
    return list(dict.fromkeys([key, "/".join(path_of(key)), ".".join(path_of(key))]))


def path_of(key: str) -> tuple[str, ...]:
    """Return the path of a key's value in the tree."""
    return tuple(re.split(r"[/.]", key))


def to_text(value: object, *, resolve: bool = False) -> str:
    """Return a value as YAML: a text unchanged if it reads as itself, everything else as JSON, which is YAML too.

    With ``resolve`` it must be valid where interpolations are resolved. Raises ``ValueError`` or ``TypeError``.
    """
    if isinstance(value, str) and parsed(value, resolve=resolve) == value:
        return value
    text = UNPRINTABLE.sub(lambda one: f"\\u{ord(one[0]):04x}", json.dumps(value, ensure_ascii=False))
    text = TOKENS.sub(lambda one: YAML_NUMBERS.get(one[0], one[0]), text)
    if parsed(text, resolve=resolve) is None and value is not None:
        unclosed = "an unclosed '${', " if resolve else ""
        raise ValueError(
            f"the value cannot be written as YAML: it contains {unclosed}a key longer than 1,024 characters, "
            "or more levels than a configuration may have"
        )
    return text


def parsed(text: str, *, resolve: bool = False) -> object:
    """Return what a text is in YAML; None if it is invalid."""
    try:
        return read(text, "", resolve=resolve)
    except ConfigError:
        return None


def parts(entries: Entries, names: Iterable[str], prefix: str, *, resolve: bool = False) -> list[Part]:
    """Return the layers of a configuration: that of all, then those of ``names``, the last one highest.

    Interpolations in the values are resolved only with ``resolve``.
    """
    places = ("", *(f"{AUDIENCE}{one}/" for one in names))
    return [part for below in places for part in layer(below, entries, prefix, resolve=resolve)]


def layer(below: str, entries: Entries, prefix: str, *, resolve: bool) -> list[Part]:
    """Return the values under ``below`` as one layer, and the faults in it; each is labeled with its key in etcd."""
    tree: dict[str, object] = {}
    labels: dict[tuple[str, ...], str] = {}
    faults: list[Fault] = []
    paths = {key: path_of(key[len(below) :]) for key in entries if belongs(key, below)}
    for key in sorted(paths, key=paths.__getitem__):  # parents before their children, so that a conflict is detected
        with noted(faults):
            if not all(paths[key]):
                raise ConfigError(Fault(f"etcd {prefix}{key}", "", "a part of this key is empty"))
            found = read(entries[key], f"etcd {prefix}{key}", resolve=resolve)
            put(tree, labels, paths[key], f"etcd {prefix}{key}", found if resolve else escaped(found))
    invalid = [Part(PLAIN, fault.file, fault=fault) for fault in faults]
    return [*invalid, Part(PLAIN, f"etcd {prefix}{below}", values=tree, labels=labels)]


def belongs(key: str, below: str) -> bool:
    """Whether a key is in the layer of ``below``."""
    return key.startswith(below) if below else not key.startswith(AUDIENCE)


def text(data: bytes) -> str:
    """Return bytes as text that can be shown. What is not UTF-8 is not YAML either, and is reported as such."""
    return data.decode(errors="backslashreplace")
