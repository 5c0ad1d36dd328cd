"""An etcd for development: ``serve``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from etcd_factory.testing import EtcdServer, ServerError
from etcd_factory.testing.tcp_ports import HOST, is_free

from .command import command
from .holding import LOOK
from .session import Session


def add(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(serve)


def serve(
    session: Session,
    port: Annotated[int, typer.Option("--port", help="Its port on 127.0.0.1; by default a free one.")] = 0,
    data: Annotated[
        Path | None, typer.Option("--data", help="A directory for its data; by default it is removed.")
    ] = None,
) -> None:
    """Run an etcd for development until Ctrl-C, and print its address. Not for production: it does not wait for disks.

    Needs an etcd on the PATH, or the extra `server`.
    """
    if port and not is_free(port):  # etcd's own message is a page of its log
        raise ServerError(f"{HOST}:{port} is in use; if an etcd runs there use that one, or choose another --port")
    with EtcdServer(args=flags(port, data)) as server:
        address = f"{HOST}:{port}" if port else server.endpoint
        facts = {"endpoint": address, "url": f"http://{address}", "version": server.version, "pid": server.pid}
        session.out.value(facts, f"{address}\netcd {server.version} serves until Ctrl-C; try: {tried(address)}")
        while server.running:
            time.sleep(LOOK)
        raise ServerError("etcd has ended", server.log)


def tried(address: str) -> str:
    """Return a command to try it with."""
    return f"etcd-factory --hosts {address} put foo bar"


def flags(port: int, data: Path | None) -> list[str]:
    """Return the flags of etcd that replace the chosen ones."""
    url = f"http://{HOST}:{port}"
    ports = [f"--listen-client-urls={url}", f"--advertise-client-urls={url}"] if port else []
    return [*ports, f"--data-dir={data}"] if data else ports
