"""JSON objects as Go's ``encoding/json`` reads them. What is wrong is a ``ValueError``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, cast

from etcd_factory.options.fields import is_list, is_mapping
from etcd_factory.options.nesting import check_nesting

Object = dict[str, Any]


def json_object(value: bytes) -> Object:
    """Return a JSON object."""
    return checked_object(json.loads(value.decode(), parse_constant=no_json))


def checked_object(found: Any) -> Object:
    """Return an object that was decoded from JSON, not too deep to be compared or logged."""
    check_nesting(found)
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return cast("Object", found)


def no_json(constant: str) -> NoReturn:
    """Refuse what only Python reads."""
    raise ValueError(f"{constant} is not JSON")


def go_object(value: bytes) -> Object:
    """Return a JSON object by lower-case names: Go ignores their case, and a null as if it were not there."""
    return {name.lower(): one for name, one in json_object(value).items() if one is not None}


def text(found: Object, name: str) -> str:
    """Return a field that is a text, empty if it is missing."""
    value = found.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"its {name} is not a text")
    return value


def whole(found: Object, name: str) -> int:
    """Return a field that is a whole number, 0 if it is missing."""
    value = found.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"its {name} is not a whole number")
    return value


def texts(found: Object, name: str) -> dict[str, str]:
    """Return a field that is a mapping of texts, empty if it is missing; Go reads a null in it as an empty text."""
    value = found.get(name, {})
    filled = {key: "" if one is None else one for key, one in value.items()} if is_mapping(value) else value
    return checked_texts(filled, f"its {name}")


def checked_texts(value: object, what: str) -> dict[str, str]:
    """Return a copy of a mapping of texts to texts; other systems refuse any other."""
    if not is_mapping(value):
        raise ValueError(f"{what} must be a mapping of texts")
    wrong = [key for key, one in value.items() if not isinstance(key, str) or not isinstance(one, str)]
    if wrong:
        raise ValueError(f"{what} must be texts only, which {wrong[0]!r} is not")
    return dict(value)


def text_list(found: Mapping[str, Any], name: str) -> list[str]:
    """Return a field that is a list of texts, empty if it is missing."""
    value = found.get(name, [])
    if not is_list(value) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"its {name} is not a list of texts")
    return [*value]
