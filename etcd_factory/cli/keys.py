"""Reading and writing keys: ``get put del ls``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from etcd_factory.errors import ConfigError
from etcd_factory.model import KeyValue

from .command import command
from .exits import NO
from .leases import number
from .output import console, plain_text, printable
from .session import Session

Key = Annotated[str, typer.Argument(help="The key, in the client's namespace.")]
Revision = Annotated[int, typer.Option("--revision", help="Read at this revision; 0 is the newest.")]
Raw = Annotated[bool, typer.Option("--raw", help="Print exactly the bytes of the value, without a line break.")]
ALL = "an empty prefix is every key of the namespace; write --all if you mean that"


def add(app: typer.Typer) -> None:
    """Add the commands."""
    for one in (get, put, del_, ls):
        command(app)(one)


def get(session: Session, key: Key, raw: Raw = False, revision: Revision = 0) -> int:
    """Print the value of a key. Exit code 1: there is no such key."""
    with session.client() as etcd:
        reader = etcd.get(key)
        kv = (reader.revision(revision) if revision else reader).kv()
    if kv is None:
        return absent(session, key)
    if raw:
        sys.stdout.buffer.write(kv.value)
    elif session.settings.is_json or sys.stdout.isatty():
        session.out.value(fields(kv), plain_text(kv.value))
    else:
        sys.stdout.buffer.write(kv.value + b"\n")
    return 0


def absent(session: Session, key: str) -> int:
    """Print that there is no such key: ``null`` as JSON, else nothing on the standard output."""
    if session.settings.is_json:
        session.out.document(None)
    else:
        console(is_error=True).print(printable(f"there is no key {key!r}"))
    return NO


def put(
    session: Session,
    key: Key,
    value: Annotated[
        str | None, typer.Argument(help="The value; without it, or with -, it is read from stdin.")
    ] = None,
    lease: Annotated[str, typer.Option("--lease", help="The id of a lease, in hexadecimal.")] = "",
    if_absent: Annotated[bool, typer.Option("--if-absent", help="Write only if there is no such key.")] = False,
    if_revision: Annotated[int, typer.Option("--if-revision", help="Write only if it was last changed there.")] = 0,
) -> int:
    """Write a key, and print the revision. Exit code 1: a condition did not hold, nothing was written."""
    data: str | bytes = sys.stdin.buffer.read() if value in (None, "-") else value
    with session.client() as etcd:
        writing = etcd.put(key).lease(number(lease)) if lease else etcd.put(key)
        if not if_absent and not if_revision:
            done = writing.value(data)
            session.out.value({"revision": done.revision}, str(done.revision))
            return 0
        guarded = writing.if_absent() if if_absent else writing.if_revision(if_revision)
        answer = guarded.value(data)
    current = fields(answer.current) if answer.current else None
    found = {"succeeded": answer.succeeded, "revision": answer.revision, "current": current}
    at = f"it was changed at revision {answer.current.mod_revision}" if answer.current else "there is no such key"
    session.out.value(found, str(answer.revision) if answer.succeeded else f"not written: {at}")
    return 0 if answer.succeeded else NO


def del_(
    session: Session,
    key: Annotated[str, typer.Argument(help="The key, or with --prefix what the keys begin with.")] = "",
    prefix: Annotated[bool, typer.Option("--prefix", help="Delete every key that begins so.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Delete every key of the client's namespace.")] = False,
) -> int:
    """Delete keys, and print how many. Exit code 1: there was none."""
    if not key and not all_:
        raise ConfigError(ALL if prefix else "name a key, or a prefix with --prefix")
    if key and all_:
        raise ConfigError("--all deletes every key; pass it without a key")
    with session.client() as etcd:
        deleting = etcd.delete()
        done = deleting.all() if all_ else deleting.prefix(key) if prefix else deleting.key(key)
    session.out.value({"deleted": done.deleted, "revision": done.revision}, str(done.deleted))
    return 0 if done.deleted else NO


def ls(
    session: Session,
    prefix: Annotated[str, typer.Argument(help="What the keys begin with.")] = "",
    values: Annotated[bool, typer.Option("--values", "-v", help="Print the values too.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many keys at most; 0 is all.")] = 0,
    count: Annotated[bool, typer.Option("--count", help="Print only how many there are.")] = False,
) -> None:
    """List keys, in their order, at one revision. With --json one object a line."""
    with session.client() as etcd:
        found = etcd.get_all().prefix(prefix)
        if count:
            number = found.count()
            session.out.value({"count": number}, str(number))
            return
        for kv in found.limit(limit) if limit else found:
            session.out.value(fields(kv), line(kv, values=values))


def line(kv: KeyValue, *, values: bool) -> str:
    """Return a key, and perhaps its value, as a line."""
    key = printable(plain_text(kv.key))
    return f"{key} = {printable(plain_text(kv.value))}" if values else key


def fields(kv: KeyValue) -> dict[str, object]:
    """Return a key and its value as JSON has them."""
    return {
        "key": kv.key,
        "value": kv.value,
        "create_revision": kv.create_revision,
        "mod_revision": kv.mod_revision,
        "version": kv.version,
        "lease": f"{kv.lease:x}" if kv.lease else None,
    }
