"""Converters of credentials: text, a secret, a function that returns one on demand, or ``{file: path}``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypedDict, cast

from .fields import header, plain_text
from .kinds import is_mapping
from .secret import Secret, SecretValue
from .secret_file import SecretFile, secret_file

Function = Callable[[], object]  # it may return the text of a credential, or in asyncio an awaitable of it


class FileDict(TypedDict):
    """A credential in a file, read each time it is needed."""

    file: str | os.PathLike[str]


Credential = str | SecretValue | Function | FileDict | SecretFile


def username(value: Credential | None) -> str | Function | None:
    """Check a username; None is unchanged."""
    return None if value is None else on_demand(value) or plain_text(value)


def password(value: Credential | None) -> Secret | Function | None:
    """Return the text of a password as a ``Secret``; None is unchanged."""
    return None if value is None else on_demand(value) or Secret(plain_text(value))


def token(value: Credential | None) -> Secret | Function | None:
    """Return the text of a token, which can be sent in a header, as a ``Secret``; None is unchanged."""
    return None if value is None else on_demand(value) or Secret(header(cast("str", value)))


def on_demand(value: Credential) -> Function | None:
    """Return the function, or the file, that a credential is read from each time it is needed."""
    if is_mapping(value):
        return secret_file(value)
    return value if callable(value) else None
