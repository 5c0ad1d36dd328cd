"""The options that every command takes, before its name or after it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from attrs import frozen

Config = Annotated[
    list[Path] | None,
    typer.Option("--config", "-c", help="A file or directory of the configuration; by default ./config. Repeatable."),
]
Env = Annotated[str | None, typer.Option("--env", "-e", help="The environment whose files are read: local, prod, ...")]
Client = Annotated[str | None, typer.Option("--client", help="The client to use; by default the factory's default.")]
Hosts = Annotated[str | None, typer.Option("--hosts", help="Hosts in place of the configured ones: host:port,...")]
User = Annotated[
    str | None,
    typer.Option("--user", help="A user in place of the configured one. Password: $ETCD_PASSWORD, or asked."),
]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Seconds for one operation with its retries.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

# Each by the name of the field that it sets. Here, since Typer reads the options of a command from its signature.
OPTIONS: dict[str, tuple[Any, object]] = {
    "config": (Config, None),
    "env": (Env, None),
    "client": (Client, None),
    "hosts": (Hosts, None),
    "user": (User, None),
    "timeout": (Timeout, None),
    "is_json": (Json, False),
}


@frozen
class Settings:
    """What the shared options say; what is absent leaves the choice to the configuration."""

    config: tuple[Path, ...] = ()
    env: str | None = None
    client: str | None = None
    hosts: str | None = None
    user: str | None = None
    timeout: float | None = None
    is_json: bool = False

    def over(self, given: dict[str, Any]) -> Settings:
        """Return these settings with those given after the name of the command."""
        values = {name: value for name, value in given.items() if value}
        if "config" in values:
            values["config"] = tuple(values["config"])
        return attrs.evolve(self, **values)
