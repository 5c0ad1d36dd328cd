"""The values that the texts of variables write: unchanged where an option is text, else a list or YAML."""

from __future__ import annotations

from ipaddress import IPv6Address

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options import schema
from etcd_factory.options.interpolation import escape, escaped
from etcd_factory.options.kinds import is_list
from etcd_factory.options.schema import Kind
from etcd_factory.options.secret import is_secret

from .formats import from_yaml
from .tree import MISSING, Path, checked

NULL = ("null", "Null", "NULL", "~")


def kind_at(path: Path, section: Path) -> Kind:
    """Return how to read the text of what is at a path: by the option there, else by its key; a secret is text."""
    size = len(section)
    kind = schema.kind(path[size:]) if path[:size] == section else Kind.UNKNOWN
    return Kind.TEXT if kind is Kind.UNKNOWN and any(map(is_secret, path)) else kind


def value(text: str, kind: Kind, label: str) -> object:
    """Return what a text writes, None if it is empty. Raises ``ConfigError``, which does not show the text."""
    if not text:
        return None
    if kind is Kind.TEXT:
        return literal(text, label)
    return items(text, label) if kind is Kind.LIST else read(text, label)


def literal(text: str, label: str) -> str:
    """Return the text so that it is read as it is, to the byte."""
    if text == MISSING:
        raise ConfigError(Fault(label, "", f"{MISSING} is how a configuration writes a missing value; use a file"))
    return escape(text)


def items(text: str, label: str) -> object:
    """Return the items that commas separate, or those of a list in YAML; an interpolation is separated later."""
    if text in NULL:
        return None
    if "${" in text:
        return read(text, label) if text[0] in "['\"" else text
    if text[0] in "['\"" and not is_address(text):
        found = read(text, label)
        return found if is_list(found) else several(str(found))
    return several(text)


def several(text: str) -> str | list[str]:
    """Return the items of a text with commas, or the text if there is one item."""
    found = separated(text)
    return found if len(found) > 1 else text.strip()


def is_address(text: str) -> bool:
    """Whether a text begins with an IPv6 address in brackets, which YAML would read as a list."""
    address, bracket, _ = text[1:].partition("]")
    try:
        IPv6Address(address.partition("%")[0])
    except ValueError:
        return False
    return bool(bracket) and text[0] == "["


def separated(text: str) -> list[str]:
    """Return the items of a text with commas."""
    return [part for part in map(str.strip, text.split(",")) if part]


def read(text: str, label: str, *, resolve: bool = True) -> object:
    """Parse a value as YAML. Raises ``ConfigError``, which does not show the value.

    Unless ``resolve`` is set the value is data: what looks like an interpolation is text, and need not be a valid one.
    """
    try:
        found = from_yaml(text)
        checked(found if resolve else escaped(found), label)
        return found
    except ConfigError:  # a ValueError too
        raise
    except RecursionError:
        raise ConfigError(Fault(label, "", "nested too deeply")) from None
    except ValueError:
        raise ConfigError(Fault(label, "", "is not valid YAML; put the value in quotes")) from None
