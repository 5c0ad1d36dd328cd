"""The JSON Schema of configuration files, made from the option classes: editors complete and check by it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from typing import Any, cast

import attrs

from etcd_factory.options import factory
from etcd_factory.options.factory import FactoryOptions
from etcd_factory.options.names import ALIASES
from etcd_factory.options.schema import GROUPS, NAMED, converters
from etcd_factory.options.structure import default

from .schema_values import CLIENTS, INTERPOLATION, NULL, URL, VALUES, Schema

DIALECT = "http://json-schema.org/draft-07/schema#"  # the newest that all editors know
OPTION = re.compile(r"``(\w+)``: (.*?)(?=\s*``\w+``: |\s*Raises ``ConfigError``|\n\s*\n|\Z)", re.DOTALL)
JSON = (str, int, float, bool, list)


def config_schema(key: str = "etcd") -> Schema:
    """Return the JSON Schema (draft 7) of configuration files, whose section ``key`` has the options of a factory.

    An option may be written in snake_case or camelCase, be null or an interpolation. The loader alone checks what a
    schema cannot say: files that must exist, rules between options, which a higher layer may complete.
    """
    found: Schema = either([reference(FactoryOptions)])
    for name in reversed([*filter(None, key.split("."))]):
        section: Schema = {"type": "object", "properties": {name: found}}
        found = {"anyOf": [section, NULL]}
    classes: dict[type[Any], None] = dict.fromkeys((FactoryOptions, *GROUPS.values()))
    definitions = {cls.__name__: group(cls) for cls in classes}
    return {"$schema": DIALECT, "title": "etcd-factory", **found, "definitions": definitions}


def group(cls: type[Any]) -> Schema:
    """Return the schema of a mapping with the options of a class; only its snake_case is suggested by editors."""
    texts = descriptions(cls)
    options = {
        field.name: {**either(values(converters(cls)[field.name])), **notes(texts.get(field.name), default(field))}
        for field in attrs.fields(cls)
    }
    others = {name: spellings(name)[1:] for name in options}
    patterns = {f"^({'|'.join(found)})$": reference(cls, name) for name, found in others.items() if found}
    twice = [both(pair) for name in options for pair in combinations(spellings(name), 2)]
    return {
        "type": "object",
        "description": summary(cls),
        "properties": options,
        **({"patternProperties": patterns, "allOf": twice} if patterns else {}),
        "additionalProperties": False,
    }


def both(names: tuple[str, ...]) -> Schema:
    """Return what refuses two spellings of one option; null in one of them leaves it to the other."""
    return {"not": {"required": [*names], "properties": {name: {"not": NULL} for name in names}}}


def values(read: Callable[..., Any]) -> list[Schema]:
    """Return the schemas of what a converter reads."""
    if read is factory.priorities_of:
        found = VALUES[factory.priority]
    elif read in GROUPS:
        found = [reference(GROUPS[read]), *([URL] if read in CLIENTS else [])]
    else:
        found = VALUES[read]
    return [{"type": "object", "additionalProperties": either(found)}] if read in NAMED else found


def either(found: list[Schema]) -> Schema:
    """Return the schema of one of several values, of null, and of an interpolation."""
    return {"anyOf": [*found, NULL, INTERPOLATION]}


def reference(cls: type[Any], option: str = "") -> Schema:
    """Return a reference to the schema of a class, or of one of its options."""
    return {"$ref": f"#/definitions/{cls.__name__}" + (f"/properties/{option}" if option else "")}


def spellings(name: str) -> list[str]:
    """Return the names of an option: in snake_case, then in camelCase, then other ones that it has."""
    known = [name, *(alias for alias, canonical in ALIASES.items() if canonical == name)]
    return [*dict.fromkeys((name, *map(camel, known), *known))]


def camel(name: str) -> str:
    """Return a name in camelCase."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def notes(text: str | None, value: object) -> Schema:
    """Return the description of an option, if it has one, and its default, if JSON can write it."""
    plain: object = [*cast("tuple[object, ...]", value)] if isinstance(value, tuple) else value
    found: Schema = {"description": text} if text else {}
    return {**found, "default": plain} if isinstance(plain, JSON) else found


def descriptions(cls: type[Any]) -> dict[str, str]:
    """Return what the docstring of a class says of each option: ``timeout``: seconds."""
    return {name: one_line(text) for name, text in OPTION.findall(cls.__doc__ or "")}


def summary(cls: type[Any]) -> str:
    """Return the first paragraph of the docstring of a class."""
    return one_line((cls.__doc__ or "").split("\n\n")[0])


def one_line(text: str) -> str:
    """Return a text in one line, without the marks of code."""
    return " ".join(text.replace("``", "").split()).rstrip(";")
