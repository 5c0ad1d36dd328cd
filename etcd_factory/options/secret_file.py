"""A secret in a file, as Docker and Kubernetes mount them."""

from __future__ import annotations

from attrs import frozen

from etcd_factory.errors import ConfigError

from .files import content, expanded
from .kinds import is_mapping


@frozen
class SecretFile:
    """The path of a file with a secret. Calling it reads the file, so that a secret that was renewed there is used.

    One line break at the end is not part of the secret. Raises ``ConfigError`` that names the file, never its content.
    """

    path: str

    def __call__(self) -> str:
        """Return the secret that the file has now."""
        try:
            found = without_break(content(self.path).decode())
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path}: is not UTF-8") from None
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error}") from None
        if not found:
            raise ConfigError(f"{self.path}: is empty")
        return found


def secret_file(value: object) -> SecretFile:
    """Return ``{file: path}`` as a ``SecretFile`` that can be read now."""
    if not is_mapping(value) or list(value) != [
        "file"
    ]:  # a key may be a part of the secret: YAML reads {hunter2} as a mapping
        raise ConfigError("expected text, or {file: path}, got another mapping; write text with braces in quotes")
    found = SecretFile(expanded(value["file"]))
    found()
    return found


def without_break(text: str) -> str:
    """Return a text without one line break at its end."""
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")
