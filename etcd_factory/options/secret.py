"""Secrets: how they are recognized, and types that do not show them.

Options hold a ``Secret``, which nothing shows by accident. Trees and mappings of values hold a ``SecretText``, since
other libraries, and OmegaConf's interpolations, need text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Protocol, SupportsIndex, TypeVar, cast

from etcd_factory.errors import ConfigError

from .kinds import is_list, is_mapping, is_omegaconf
from .models import unmodeled
from .names import canonical
from .nesting import check_nesting

T = TypeVar("T")

MASK = "***"
WORDS = (
    "access_key",
    "api_key",
    "credential",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "passwrd",
    "pasword",
    "private_key",
    "pw",
    "pwd",
    "secret",
    "secret_key",
    "token",
)
NAME = re.compile(rf"(?:^|_)(?:{'|'.join(WORDS)})$")
PEM = "PRIVATE KEY-----"
# Greedy up to the last "@": a password may contain one, and it is better to hide too much than too little.
URL = re.compile(r"(://[^\s/:@]*:)(\S*)@")
BARE = re.compile(r"((?:^|(?<=[\s,;\"'\[(]))[^\s/:@,;\"'\[(]*:)(?!//)([^\s\"']+)@(?=[\w.\[])")  # without a scheme
QUERY = re.compile(rf"([?&][^\s=&]*(?:{'|'.join(WORDS)})=)([^\s&]+)", re.IGNORECASE)  # ``?auth.token=...``
# Pickles and copies use a higher one; with this one PyYAML would write the text of a secret.
YAML_PROTOCOL = 2
UNWRITTEN = "a secret is not written to YAML; get_secret_value() returns its text"


class SecretValue(Protocol):
    """An object that returns its text only when it is asked to: a ``Secret``, or pydantic's ``SecretStr``."""

    def get_secret_value(self) -> str:
        """Return the text."""
        ...


class Secret:
    """The text of a secret: ``***`` in every repr, text, log and dump. ``get_secret_value()`` returns the text.

    It equals another secret, or a ``str``, of the same text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return self._text == reveal(other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        if protocol == YAML_PROTOCOL:
            raise TypeError(UNWRITTEN)
        return type(self), (self._text,)


class SecretText(str):
    """The text of a secret in a tree of values: its ``repr``, and so that of the tree, is ``***``; else a ``str``."""

    __slots__ = ()

    def get_secret_value(self) -> str:
        """Return the text as a plain ``str``."""
        return str(self)

    def __repr__(self) -> str:
        return MASK

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        if protocol == YAML_PROTOCOL:
            raise TypeError(UNWRITTEN)
        return type(self), (str(self),)


class RedactedText(SecretText):
    """Text that contains a secret, as a URL with a password does; its ``repr`` shows the rest."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(redacted(str(self)))


def reveal(value: object) -> object:
    """Return the text of a ``SecretValue``, anything else unchanged."""
    read = getattr(type(value), "get_secret_value", None)  # to ask for the protocol takes a hundred times longer
    return value if read is None else read(value)


def revealed(value: object) -> object:
    """Return the text of a ``SecretValue`` as a ``SecretText``, anything else unchanged."""
    text = reveal(value)
    return SecretText(text) if isinstance(text, str) and text is not value else value


@lru_cache(maxsize=4096)
def is_secret(key: object) -> bool:
    """Whether the value of ``key`` must not be shown: ``password``, ``authToken``, ``API_KEY``."""
    return bool(NAME.search(canonical(str(key)).replace("-", "_")))


def redacted(text: str) -> str:
    """Return the text with ``***`` for a secret that is recognized by its form: a private key, a password in a URL."""
    if PEM in text:
        return MASK
    if "@" in text:
        text = BARE.sub(rf"\1{MASK}@", URL.sub(rf"\1{MASK}@", text))
    return QUERY.sub(rf"\1{MASK}", text) if "=" in text else text


def masked(value: object, *, secret: bool = False) -> Any:
    """Return a copy of the values whose ``repr`` shows no secret; ``secret`` if they are below a secret's key."""
    if is_omegaconf(value):
        return value
    value = unmodeled(value)
    if is_mapping(value):
        return {key: masked(each, secret=secret or is_secret(key)) for key, each in value.items()}
    if is_list(value):
        return [masked(each, secret=secret) for each in value]
    return masked_text(value, secret=secret) if isinstance(value, str) else value


def masked_text(text: str, *, secret: bool) -> str:
    """Return text whose ``repr`` shows no secret."""
    if secret:
        return SecretText(text)
    return text if redacted(text) == text else RedactedText(text)


class MaskedOptions(dict[Any, Any]):
    """Options whose secrets are masked already."""


def masked_options(given: T) -> T:
    """Return options as local variables hold them, which tools that report errors print: with masked secrets.

    A pydantic model is a mapping then, and a URL, which a ``SecretStr`` may hold, is text. What cannot be copied is
    unchanged; it is reported where it is read.
    """
    if isinstance(given, MaskedOptions) or is_omegaconf(given):
        return given
    try:
        check_nesting(given)
    except ConfigError:
        return given
    found = masked(revealed(given))
    return cast("T", MaskedOptions(found)) if is_mapping(found) else found
