"""Following changes: ``watch``."""

from __future__ import annotations

from typing import Annotated

import typer

from etcd_factory.model import Event

from .command import command
from .keys import fields
from .output import plain_text, printable
from .session import Session


def add(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(watch)


def watch(
    session: Session,
    key: Annotated[str, typer.Argument(help="The key; with --prefix what the keys begin with.")] = "",
    prefix: Annotated[bool, typer.Option("--prefix", help="Watch every key that begins so.")] = False,
    revision: Annotated[int, typer.Option("--revision", help="Begin with the changes of this revision.")] = 0,
    previous: Annotated[bool, typer.Option("--previous", help="Show what was replaced.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="End after so many changes; 0 is never.")] = 0,
) -> None:
    """Print each change of a key, or of all keys of the namespace, until Ctrl-C. With --json one object a line."""
    with session.client() as etcd:
        chosen = etcd.watch().prefix(key) if prefix or not key else etcd.watch().key(key)
        chosen = chosen.previous() if previous else chosen
        with chosen.start_revision(revision).create() as watcher:
            for number, event in enumerate(watcher, 1):
                session.out.value(described(event), line(event))
                if number == limit:
                    return


def described(event: Event) -> dict[str, object]:
    """Return a change as JSON has it."""
    previous = fields(event.previous) if event.previous else None
    return {"type": event.type, "revision": event.revision, **fields(event.kv), "previous": previous}


def line(event: Event) -> str:
    """Return a change as a line."""
    key = printable(plain_text(event.kv.key))
    before = f"   (was {printable(plain_text(event.previous.value))})" if event.previous else ""
    value = f" = {printable(plain_text(event.kv.value))}" if event.type == "put" else ""
    return f"{event.revision} {event.type:<6} {key}{value}{before}"
