"""The command ``doctor``, and how its findings are printed."""

from __future__ import annotations

import typer
from rich.text import Text

from etcd_factory.cli.command import command
from etcd_factory.cli.exits import NO
from etcd_factory.cli.output import Output, plain, printable, quiet
from etcd_factory.cli.session import Session

from .checkup import Report, checkup
from .finding import Finding
from .latency import bars, histogram

MARKS = {"ok": ("ok  ", "green"), "warning": ("warn", "yellow"), "failed": ("FAIL", "bold red")}


def add(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(doctor)


def doctor(session: Session) -> int:
    """Check each client: name, connection, TLS and certificates, credentials, version, leader, clock, latency.

    Says what is wrong, and what to do about it. Exit code 1: something failed.
    """
    with quiet(), session.factory() as factory:
        reports = [checkup(name, etcd) for name, etcd in session.clients(factory)]
    if session.settings.is_json:
        session.out.document([described(one) for one in reports])
    else:
        for one in reports:
            show(session.out, one)
    return 0 if all(one.is_ok for one in reports) else NO


def described(report: Report) -> dict[str, object]:
    """Return a report as JSON has it."""
    return {
        "client": report.client,
        "ok": report.is_ok,
        "findings": plain(report.findings),
        "latency_ms": [round(one, 3) for one in report.latencies],
    }


def show(out: Output, report: Report) -> None:
    """Print a report."""
    out.console.print(Text(f"client {printable(report.client)}", style="bold"))
    for one in report.findings:
        out.console.print(line(one))
        for bar in bars(histogram(report.latencies)) if one.check == "latency" else ():
            out.console.print(Text(f"       {bar}"))


def line(one: Finding) -> Text:
    """Return a finding as a line, and what to do about it as another one."""
    mark, style = MARKS[one.level]
    where = f"{one.host}: " if one.host else ""
    text = Text.assemble("  ", (mark, style), f" {one.check:<11} ", printable(f"{where}{one.message}"))
    return text.append(f"\n       -> {printable(one.advice)}", style="cyan") if one.advice else text
