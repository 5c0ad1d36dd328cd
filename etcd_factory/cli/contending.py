"""Locks and elections: ``lock``, ``elect``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from etcd_factory.service import ETCDService

from .command import command
from .exits import NO
from .holding import run_program, wait_for_end
from .output import plain_text
from .session import Session

HOLDINGS = {"lock": "lock", "election": "leadership"}  # what is held, in words

Name = Annotated[str, typer.Argument(help="Its name, in the client's namespace.")]
Program = Annotated[
    list[str] | None,
    typer.Argument(help="A program to run while it is held: -- PROGRAM ARGUMENT...", metavar="PROGRAM"),
]
Ttl = Annotated[int, typer.Option("--ttl", help="Seconds after which it is free if this process is killed.")]
Wait = Annotated[float | None, typer.Option("--wait", help="Seconds to wait for it at most; 0 tries once.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    command(app)(lock)
    command(app)(elect)


def lock(session: Session, name: Name, program: Program = None, ttl: Ttl = 30, wait: Wait = None) -> int:
    """Hold a lock while a program runs, or until Ctrl-C; shared with `etcdctl lock` and Go's Mutex.

    The exit code is the program's. 1: the lock was not acquired in time, or was lost.
    """
    with session.client() as etcd, etcd.lock(name, ttl=ttl).acquire(wait) as held:
        shown = f"holding {plain_text(held.key)} (fencing token {held.fencing_token}) until Ctrl-C"
        return keep(session, held, ("lock", name), shown, program)


def elect(
    session: Session,
    name: Name,
    value: Annotated[str, typer.Argument(help="What the leader proclaims.")] = "",
    program: Program = None,
    ttl: Ttl = 60,
    wait: Wait = None,
    leader: Annotated[bool, typer.Option("--leader", help="Only print what the leader proclaims.")] = False,
    observe: Annotated[bool, typer.Option("--observe", help="Print each leader's value, until Ctrl-C.")] = False,
) -> int:
    """Become the leader, and stay it while a program runs, or until Ctrl-C. Shared with `etcdctl elect`."""
    with session.client() as etcd:
        if leader or observe:
            return look(session, etcd, name, follow=observe)
        with etcd.election(name, ttl=ttl).campaign(value, wait) as led:
            return keep(
                session, led, ("election", name), f"leading {name} as {plain_text(led.key)} until Ctrl-C", program
            )


def keep(session: Session, held: Any, what: tuple[str, str], shown: str, program: Program) -> int:
    """Keep what is held while the program runs, without one until Ctrl-C. Returns the exit code."""
    kind, name = what
    lost = f"the {HOLDINGS[kind]} {name} was lost"
    if program:
        return run_program(held, program, lost)
    session.out.value({kind: name, "key": held.key, "fencing_token": held.fencing_token}, shown)
    return wait_for_end(held, lost)


def look(session: Session, etcd: ETCDService, name: str, *, follow: bool) -> int:
    """Print the present leader's value, or each one's. Returns 1 if there is none."""
    election = etcd.election(name)
    if follow:
        for value in election.observe():
            session.out.value({"leader": value}, value)
        return 0
    found = election.leader()
    session.out.value({"leader": found}, f"{name} has no leader" if found is None else found)
    return NO if found is None else 0
