"""Leases: ``lease grant|revoke|keepalive|ttl|ls``."""

from __future__ import annotations

from typing import Annotated

import typer

from etcd_factory.errors import LeaseNotFoundError

from .command import command
from .holding import wait_for_end
from .session import Session

Id = Annotated[str, typer.Argument(help="The id of the lease, in hexadecimal.", metavar="ID")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Leases: keys attached to one end with it.", no_args_is_help=True)
    for one in (grant, revoke, keepalive, ttl, ls):
        command(group)(one)
    app.add_typer(group, name="lease")


def number(lease: str) -> int:
    """Return the id of a lease from its text."""
    try:
        return int(lease, 16)
    except ValueError:
        raise ValueError(f"the id of a lease is hexadecimal, as `lease ls` prints it, not {lease!r}") from None


def absent(lease: str) -> LeaseNotFoundError:
    """Return the error for a lease that does not exist."""
    return LeaseNotFoundError(f"there is no lease {lease}")


def grant(session: Session, seconds: Annotated[int, typer.Argument(help="Its ttl.", metavar="TTL")]) -> None:
    """Grant a lease that nobody keeps alive, and print its id: it ends after its ttl."""
    with session.client() as etcd:
        lease = etcd.lease(seconds)
        granted = lease.grant()
        lease.release()
        session.out.value({"id": f"{granted:x}", "ttl": lease.ttl}, f"{granted:x}")


def revoke(session: Session, lease: Id) -> None:
    """End a lease, and delete its keys. Exit code 1: there is no such lease."""
    with session.client() as etcd:
        held = etcd.lease_of(number(lease))
        if held.time_to_live().ttl < 0:
            raise absent(lease)
        held.revoke()
    session.out.value({"id": lease, "revoked": True}, f"revoked {lease}")


def keepalive(
    session: Session,
    lease: Id,
    once: Annotated[bool, typer.Option("--once", help="Renew it once, and print the seconds it has left.")] = False,
) -> int:
    """Keep a lease alive until Ctrl-C. Exit code 1: it is lost."""
    with session.client() as etcd:
        held = etcd.lease_of(number(lease))
        if once:
            left = held.keepalive_once()
            held.release()
            session.out.value({"id": lease, "ttl": left}, str(left))
            return 0
        held.grant()
        session.out.value({"id": lease, "alive": True}, f"keeping {lease} alive until Ctrl-C")
        return wait_for_end(held, f"the lease {lease} is lost")


def ttl(session: Session, lease: Id) -> int:
    """Print what is left of a lease, and its keys. Exit code 1: there is no such lease."""
    with session.client() as etcd:
        found = etcd.lease_of(number(lease)).time_to_live(keys=True)
    if found.ttl < 0:
        raise absent(lease)
    info = {"id": lease, "ttl": found.ttl, "granted": found.granted, "keys": found.keys}
    if session.settings.is_json:
        session.out.document(info)
    else:
        session.out.table(list(info), [info])
    return 0


def ls(session: Session) -> None:
    """List the ids of all leases of the cluster."""
    with session.client() as etcd:
        found = [f"{lease:x}" for lease in etcd.leases()]
    session.out.table(["id"], [{"id": lease} for lease in found])
