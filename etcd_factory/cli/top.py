"""A live table of the hosts: keys, watches, changes, latency: ``top``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import Annotated

import typer
from rich.live import Live

from etcd_factory.errors import EtcdFactoryError
from etcd_factory.io.http2.host import Host, host
from etcd_factory.service import ETCDService

from .advice import advised
from .command import command
from .doctor.latency import one_read
from .doctor.network import connection
from .doctor.probe import page
from .output import console, quiet, table
from .session import Session

COLUMNS = ("client", "host", "keys", "watches", "streams", "puts_per_s", "db_size", "latency_ms", "problem")
NOTHING = dict.fromkeys(COLUMNS)
METRICS = {  # columns by etcd's names: https://etcd.io/docs/v3.5/metrics/
    "keys": "etcd_debugging_mvcc_keys_total",
    "watches": "etcd_debugging_mvcc_watcher_total",
    "streams": "etcd_debugging_mvcc_watch_stream_total",
    "puts": "etcd_mvcc_put_total",
    "db_size": "etcd_mvcc_db_total_size_in_bytes",
}
SAMPLE = re.compile(r"^(\w+) (\S+)$", re.MULTILINE)  # one without labels


def add(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(top)


def top(
    session: Session,
    interval: Annotated[float, typer.Option("--interval", help="Seconds between two looks.", min=0.1)] = 1.0,
    count: Annotated[int, typer.Option("--count", help="End after so many looks; 0 is never, in a pipe once.")] = 0,
) -> None:
    """Show keys, watches, changes and latency of each host of each client, until Ctrl-C."""
    is_live = session.out.console.is_terminal and not session.settings.is_json
    looks = count or (0 if is_live or session.settings.is_json else 1)
    with quiet(), session.factory() as factory:
        clients = dict(session.clients(factory))
        tables = watched(clients, interval, looks)
        if not is_live:
            for rows in tables:
                session.out.table(COLUMNS, rows)
            return
        with Live(console=console(), screen=False, auto_refresh=False) as live:
            for rows in tables:
                live.update(table(COLUMNS, rows), refresh=True)


def watched(clients: Mapping[str, ETCDService], interval: float, looks: int) -> Iterator[list[dict[str, object]]]:
    """Yield the rows of all hosts, again after each interval; 0 looks: for ever."""
    before: dict[str, tuple[float, float]] = {}
    number = 0
    while True:
        yield [row for name, etcd in clients.items() for row in rows_of(name, etcd, before)]
        number += 1
        if number == looks:
            return
        time.sleep(interval)


def rows_of(name: str, etcd: ETCDService, before: dict[str, tuple[float, float]]) -> list[dict[str, object]]:
    """Return a row for each host of a client, all with the same columns; the latency is that of the host in use."""
    latency, problem = looked(etcd)
    rows = [row(host(url, etcd.options), before) for url in etcd.options.hosts]
    used = next((one for one in rows if one["host"] == etcd.endpoint), rows[0])
    used |= {"latency_ms": latency, "problem": problem or used.get("problem")}
    return [{**NOTHING, "client": name, **one} for one in rows]


def looked(etcd: ETCDService) -> tuple[float | None, str | None]:
    """Return how many milliseconds a read takes, or why it fails."""
    try:
        return round(one_read(etcd), 1), None
    except EtcdFactoryError as error:
        return None, str(advised(error))


def row(one: Host, before: dict[str, tuple[float, float]]) -> dict[str, object]:
    """Return what a host's metrics say; puts each second since the last look, which is kept in ``before``."""
    found = metrics(one)
    now, puts = monotonic(), found.pop("puts", None)
    if puts is None:
        return {"host": one.endpoint, "problem": unreachable(one) or "no metrics"}
    last = before.get(one.url)
    before[one.url] = (now, puts)
    rate = None if last is None or now <= last[0] else round((puts - last[1]) / (now - last[0]), 1)
    return {"host": one.endpoint, **{name: int(value) for name, value in found.items()}, "puts_per_s": rate}


def unreachable(one: Host) -> str:
    """Return why a host accepts no connection, empty if it does."""
    found = connection(one)
    return found.message if found.level == "failed" else ""


def metrics(one: Host) -> dict[str, float]:
    """Return what etcd says at ``/metrics``, by our columns; nothing if it does not."""
    answer = page(one, "/metrics")
    texts = dict(SAMPLE.findall(answer.body.decode(errors="replace"))) if answer else {}
    found: dict[str, float] = {}
    for column, name in METRICS.items():
        with suppress(KeyError, ValueError):
            found[column] = float(texts[name])
    return found
