"""The cluster: ``member``, ``status``, ``snapshot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from etcd_factory.errors import EtcdError
from etcd_factory.model.cluster import Member, Status
from etcd_factory.service import ETCDService

from .advice import advised
from .command import command
from .exits import UNREACHABLE
from .output import console, quiet
from .session import Session

COLUMNS = ("endpoint", "member", "version", "db_size", "in_use", "leader", "term", "index", "learner", "errors")
Id = Annotated[str, typer.Argument(help="The id of the member, in hexadecimal, or its name.", metavar="MEMBER")]
PeerURLs = Annotated[list[str], typer.Argument(help="Where the other members reach it: http://host:2380")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Members of the cluster.", no_args_is_help=True)
    command(group, "ls")(members)
    command(group, "add")(join)
    for one in (update, remove, promote):
        command(group)(one)
    app.add_typer(group, name="member")
    command(app)(status)
    command(app)(snapshot)


def described(member: Member) -> dict[str, object]:
    """Return a member as it is printed."""
    return {
        "id": f"{member.id:x}",
        "name": member.name,
        "peer_urls": member.peer_urls,
        "client_urls": member.client_urls,
        "learner": member.is_learner,
    }


def found(etcd: ETCDService, wanted: str) -> Member:
    """Return the member of that id or name. Raises ``ValueError`` that lists them."""
    known = etcd.cluster.members()
    for one in known:
        if wanted in (f"{one.id:x}", one.name):
            return one
    names = ", ".join(f"{one.id:x} ({one.name or 'not started'})" for one in known)
    raise ValueError(f"no member has the id or name {wanted!r}; there are: {names}")


def members(session: Session) -> None:
    """List the members."""
    with session.client() as etcd:
        rows = [described(one) for one in etcd.cluster.members()]
    session.out.table(("id", "name", "peer_urls", "client_urls", "learner"), rows)


def join(
    session: Session,
    peer_urls: PeerURLs,
    learner: Annotated[bool, typer.Option("--learner", help="Without a vote, until it is promoted.")] = False,
) -> None:
    """Add a member that will be started, and print its id."""
    with session.client() as etcd:
        made = etcd.cluster.add(peer_urls, learner)
    session.out.value(described(made), f"{made.id:x}")


def update(session: Session, member: Id, peer_urls: PeerURLs) -> None:
    """Change where the other members reach one."""
    with session.client() as etcd:
        chosen = found(etcd, member)
        etcd.cluster.update(chosen, peer_urls)
    session.out.value({"id": f"{chosen.id:x}", "peer_urls": peer_urls}, f"updated {chosen.id:x}")


def remove(session: Session, member: Id) -> None:
    """Remove a member from the cluster."""
    with session.client() as etcd:
        chosen = found(etcd, member)
        etcd.cluster.remove(chosen)
    session.out.value({"id": f"{chosen.id:x}", "removed": True}, f"removed {chosen.id:x}")


def promote(session: Session, member: Id) -> None:
    """Give a learner a vote."""
    with session.client() as etcd:
        chosen = found(etcd, member)
        etcd.cluster.promote(chosen)
    session.out.value({"id": f"{chosen.id:x}", "promoted": True}, f"promoted {chosen.id:x}")


def status(session: Session) -> int:
    """Print the status of each host of the client. Exit code 3: one of them does not answer."""
    with quiet(), session.client() as etcd:
        hosts = etcd.options.hosts
        rows = [status_at(etcd, None if host.startswith("srv://") else host) for host in hosts]
    session.out.table(COLUMNS, rows)
    return UNREACHABLE if any("version" not in row for row in rows) else 0


def status_at(etcd: ETCDService, host: str | None) -> dict[str, object]:
    """Return the status of one host as it is printed, or why there is none."""
    try:
        return row(etcd.maintenance.status(host))
    except EtcdError as error:
        return {"endpoint": error.endpoint or host, "errors": [str(advised(error))]}


def row(one: Status) -> dict[str, object]:
    """Return a status as it is printed; sizes are bytes."""
    return {
        "endpoint": one.endpoint,
        "member": f"{one.member:x}",
        "version": one.version,
        "db_size": one.db_size,
        "in_use": one.db_size_in_use,
        "leader": f"{one.leader:x}" if one.leader else "none",
        "term": one.raft_term,
        "index": one.raft_index,
        "learner": one.is_learner,
        "errors": one.errors,
    }


def snapshot(
    session: Session,
    file: Annotated[Path, typer.Argument(help="The file to write; `etcdutl snapshot restore` reads it.")],
) -> None:
    """Write the whole store of a member to a file, with a progress bar on a terminal."""
    with session.client() as etcd, progress(session) as bar:
        task = bar.add_task(str(file), total=None)
        saved = etcd.maintenance.snapshot(file, lambda done, total: bar.update(task, completed=done, total=total))
    facts = {"path": saved.path, "size": saved.size, "version": saved.version or None}
    session.out.value(facts, f"{saved.path}: {saved.size} bytes")


def progress(session: Session) -> Progress:
    """Return a progress bar on the standard error; none in a pipe or with JSON."""
    bar = console(is_error=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=bar, disable=session.settings.is_json or not bar.is_terminal)
