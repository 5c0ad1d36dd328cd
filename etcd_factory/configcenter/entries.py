"""How configuration is written in etcd: a key for each value, ``<prefix>db/port`` for ``db.port``, its value as YAML.

What is meant for some instances only stands below ``<prefix>@<name>/``, a name of an instance or of a group.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from etcd_factory.config.faults import noted
from etcd_factory.config.sources import PLAIN, Part
from etcd_factory.config.variables import place, read
from etcd_factory.errors import ConfigError, Fault

Entries = Mapping[str, str]  # values as text, by their keys below the prefix

AUDIENCE = "@"
UNUSUAL = {"Infinity": ".inf", "-Infinity": "-.inf", "NaN": ".nan"}  # JSON's words for what YAML writes otherwise
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # for YAML, not for JSON


def key_of(key: Any, only: str | None = None) -> str:
    """A key below the prefix; ``ValueError`` for what is none."""
    if not isinstance(key, str):
        raise TypeError(f"a key is a str, not {type(key).__name__}")
    if not key or key.startswith(AUDIENCE) or not all(path_of(key)):
        raise ValueError(f"{key!r} is no key: write it like 'db/port' or 'db.port'")
    return key if only is None else f"{AUDIENCE}{audience(only)}/{key}"


def audience(name: Any) -> str:
    """The name of an instance or of a group."""
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"the name of an instance or a group is not empty and has no '/': {name!r}")
    return name


def spellings(key: str) -> list[str]:
    """The ways in which a key may be written; as it is given comes first."""
    return list(dict.fromkeys([key, "/".join(path_of(key)), ".".join(path_of(key))]))


def path_of(key: str) -> tuple[str, ...]:
    """Where a key's value stands in the tree."""
    return tuple(re.split(r"[/.]", key))


def written(value: Any) -> str:
    """A value as text: text as it is where it reads as such, all else as JSON, which is YAML too."""
    if isinstance(value, str) and reads_as(value) == value:
        return value
    text = UNPRINTABLE.sub(lambda one: f"\\u{ord(one[0]):04x}", json.dumps(value, ensure_ascii=False))
    text = TOKENS.sub(lambda one: UNUSUAL.get(one[0], one[0]), text)
    if reads_as(text) is None and value is not None:
        raise ValueError("a value that YAML can't hold: it has an open '${', or a key of more than 1,024 characters")
    return text


def reads_as(text: str) -> Any:
    """What YAML makes of a text; None where it makes nothing of it."""
    try:
        return read(text, "")
    except ConfigError:
        return None


def parts(entries: Entries, names: Iterable[str], prefix: str) -> list[Part]:
    """The layers of a configuration: what is for all, then what is for each of these names, the last one highest."""
    found = [part("", entries, prefix)]
    for name in names:
        found.append(part(f"{AUDIENCE}{name}/", entries, prefix))
    return [one for layer in found for one in layer]


def part(below: str, entries: Entries, prefix: str) -> list[Part]:
    """One layer, and what is wrong with single values in it; each is labelled with its key in etcd."""
    tree: dict[str, Any] = {}
    labels: dict[tuple[str, ...], str] = {}
    faults: list[Fault] = []
    own = {key: path_of(key[len(below) :]) for key in entries if mine(key, below)}
    for key in sorted(own, key=own.__getitem__):  # what stands above comes first
        with noted(faults):
            if not all(own[key]):
                raise ConfigError(Fault(f"etcd {prefix}{key}", "", "a part of this key is empty"))
            place(tree, labels, own[key], f"etcd {prefix}{key}", entries[key])
    wrong = [Part(PLAIN, fault.file, fault=fault) for fault in faults]
    return [*wrong, Part(PLAIN, f"etcd {prefix}{below}", values=tree, labels=labels)]


def mine(key: str, below: str) -> bool:
    """Whether a key belongs to a layer."""
    return key.startswith(below) if below else not key.startswith(AUDIENCE)


def text(data: bytes) -> str:
    """Return bytes as text that can be shown; what is not UTF-8 is no YAML either, and is reported as that."""
    return data.decode(errors="backslashreplace")
