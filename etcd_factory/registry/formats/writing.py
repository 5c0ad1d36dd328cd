"""JSON to the byte as Go's ``encoding/json`` and JavaScript's ``JSON.stringify`` write it.

Python's own differs: in its spaces, its ``\\uXXXX`` for whatever is not ASCII, and its numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from math import isfinite
from operator import itemgetter
from typing import Any, cast

from etcd_factory.options.fields import is_list, is_mapping

Items = list[tuple[str, Any]]
Order = Callable[[Items], Items]
Quote = Callable[[str], str]

# Go escapes them, so that JSON can stand in HTML and in JavaScript (encoding/json, "String values").
HTML = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}
INDICES = 2**32 - 1  # keys of JavaScript's objects that are numbers below it come first


def go_struct(fields: Mapping[str, Any]) -> bytes:
    """Return what ``json.Marshal`` writes for a struct with these fields: in their order; maps inside are sorted."""
    items = ((name, write(value, by_name, go_quoted)) for name, value in fields.items())
    return as_object(items, go_quoted).encode()


def js_object(value: Mapping[str, Any]) -> bytes:
    """Return what ``JSON.stringify`` writes for an object: keys in their order, after those that are array indices."""
    return write(value, js_ordered, quoted).encode()


def write(value: object, order: Order, quote: Quote) -> str:
    """Return a value as JSON; ``TypeError`` or ``ValueError`` if it cannot be written."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, (int, float)):
        return number(value)
    if is_mapping(value):
        items = order([(as_key(key), each) for key, each in value.items()])
        return as_object(((key, write(each, order, quote)) for key, each in items), quote)
    if is_list(value):
        return f"[{','.join(write(each, order, quote) for each in cast('Iterable[object]', value))}]"
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def as_object(items: Iterable[tuple[str, str]], quote: Quote) -> str:
    """Return an object of names and values that are written already."""
    return f"{{{','.join(f'{quote(name)}:{value}' for name, value in items)}}}"


def as_key(key: object) -> str:
    """Return the key of a mapping as text; ``TypeError`` if it is neither text nor a whole number."""
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise TypeError(f"keys must be str, not {type(key).__name__}")
    return str(key)


def quoted(text: str) -> str:
    """Return a text in quotes; ``ValueError`` if it is not valid Unicode."""
    text.encode()
    return json.dumps(text, ensure_ascii=False)


def go_quoted(text: str) -> str:
    """Return a text as Go quotes it."""
    return quoted(text).translate(HTML)


def by_name(items: Items) -> Items:
    """Return the items sorted by name, as Go writes maps."""
    return sorted(items, key=itemgetter(0))


def js_ordered(items: Items) -> Items:
    """Return the items in the order of a JavaScript object."""
    indices = [item for item in items if is_index(item[0])]
    return sorted(indices, key=lambda item: int(item[0])) + [item for item in items if not is_index(item[0])]


def is_index(key: str) -> bool:
    """Whether JavaScript takes a key for an index: a number without leading zeros."""
    return key.isascii() and key.isdecimal() and len(key) <= 10 and str(int(key)) == key and int(key) < INDICES


def number(value: float) -> str:
    """Return a number as both languages write it: without an exponent from 1e-6 to 1e21, never with ``.0``."""
    if not isinstance(value, float):
        return str(int(value))
    if not isfinite(value):
        raise ValueError(f"{value} cannot be written as JSON")
    text = repr(float(value)).removesuffix(".0")
    if not value or 1e-6 <= abs(value) < 1e21:
        return format(Decimal(text), "f")
    digits, _, exponent = text.partition("e")
    return f"{digits}e{exponent[0]}{exponent[1:].lstrip('0')}"
