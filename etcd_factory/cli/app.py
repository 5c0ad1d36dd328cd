"""All commands, and running one."""

from __future__ import annotations

import inspect
import signal
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from types import FrameType
from typing import Any

import typer

from . import cluster, configuration, console, contending, keys, leases, serve, services, top, watching
from .command import before, shared_parameters
from .doctor import command as doctor
from .exits import NO, TERMINATED, USAGE
from .output import fail

NAME = "etcd-factory"
HELP = (
    "Work with etcd through the clients of a configuration: ./config, or --config. "
    "Passwords come from the configuration, $ETCD_PASSWORD or a prompt, never from the command line. "
    "Exit codes: 0 done, 1 the answer is no, 2 wrong arguments or configuration, 3 etcd is not reachable, "
    "4 etcd refused, 130 Ctrl-C."
)
ROOMS = (keys, watching, leases, contending, cluster, configuration, services, doctor, top, console, serve)


def app() -> typer.Typer:
    """Return the command line with all its commands."""
    made = typer.Typer(
        name=NAME,
        help=HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def shared(context: typer.Context, **options: Any) -> None:
        before(context, options)

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    given = [context, *shared_parameters()]
    shared.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    shared.__annotations__ = {one.name: one.annotation for one in given}
    made.callback()(shared)
    for room in ROOMS:
        room.add(made)
    return made


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code. SIGTERM ends it as Ctrl-C does: everything is closed."""
    with closing_at_sigterm():
        try:
            if asks_for_json(arguments):
                return ended_in_json(arguments)
            app()(list(arguments), prog_name=NAME)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Return whether ``--json`` is among the arguments, wherever it stands; what follows ``--`` is for a program."""
    return "--json" in takewhile(lambda one: one != "--", arguments)


def ended_in_json(arguments: Sequence[str]) -> int:
    """Run the command line, and print wrong arguments as other errors in JSON."""
    command = typer.main.get_command(app())
    without_help(command)
    try:
        code = command.main(list(arguments), prog_name=NAME, standalone_mode=False)
    except typer.Abort:
        fail("aborted", "Abort", NO, is_json=True)
        return NO
    except Exception as error:
        told = getattr(error, "format_message", None)  # click's errors; Typer may have a copy of click within
        if told is None:
            raise
        fail(told(), type(error).__name__, USAGE, is_json=True)
        return USAGE
    return code if isinstance(code, int) else 0


def without_help(command: Any) -> None:
    """Let a group without a command be an error, not its help, which is no JSON."""
    command.no_args_is_help = False
    for one in getattr(command, "commands", {}).values():
        without_help(one)


@contextmanager
def closing_at_sigterm() -> Generator[None, None, None]:
    """Let SIGTERM end what runs within; elsewhere than in the main thread that cannot be set."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def terminated(number: int, frame: FrameType | None) -> None:
    """End the process from within, so that leases are revoked and connections closed."""
    del number, frame
    raise SystemExit(TERMINATED)
