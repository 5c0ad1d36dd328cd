"""The web console: ``console``."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from etcd_factory.config import Explanation
from etcd_factory.config.explain import explanation
from etcd_factory.errors import ConfigError
from etcd_factory.factory import AsyncETCDServiceFactory
from etcd_factory.service import AsyncETCDService

from .command import command
from .session import SECTION, Session

if TYPE_CHECKING:
    from etcd_factory.console.server import Address

EXTRA = ("starlette", "uvicorn")
MISSING = "the console needs {name}: pip install 'etcd-factory[console]'"
PLAIN = "Note: other machines reach it, and the token and all values pass the network in plaintext."


def add(app: typer.Typer) -> None:
    """Add the command."""
    command(app)(console)


def console(
    session: Session,
    host: Annotated[str, typer.Option("--host", help="The address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Its port; by default a free one.")] = 0,
    write: Annotated[bool, typer.Option("--write", help="Allow to change and delete keys.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="Another name that it is reached by, behind a proxy. Repeatable."),
    ] = None,
) -> None:
    """Serve a web page on the clients of the configuration until Ctrl-C, and print its address with its token.

    It shows clients, keys, changes, services, locks, leases and the configuration. Needs the extra `console`.
    """
    check_installed()
    asyncio.run(run(session, host, port, allow_host or [], is_writable=write))


def check_installed() -> None:
    """Raise ``ConfigError`` that says what to install if the extra is missing."""
    for name in EXTRA:
        if find_spec(name) is None:
            raise ConfigError(MISSING.format(name=name))


async def run(session: Session, host: str, port: int, names: list[str], *, is_writable: bool) -> None:
    """Serve the console."""
    from etcd_factory.console.scene import Scene
    from etcd_factory.console.server import is_loopback, serve

    def started(address: Address) -> None:
        lines = [address.url, f"serves until Ctrl-C, {'with --write' if is_writable else 'read-only'}"]
        text = "\n".join([*lines, *([] if is_loopback(host) else [PLAIN])])
        session.out.value({"url": address.url, "token": address.token, "writable": is_writable}, text)

    plan = await session.aplan(AsyncETCDServiceFactory.read_options)
    async with AsyncETCDServiceFactory(plan) as factory:
        first = await adjusted(session, factory)
        scene = Scene(factory, lambda: explained(session), is_writable, first)
        await serve(scene, host, port, names, started)


async def adjusted(session: Session, factory: AsyncETCDServiceFactory) -> str | None:
    """Change the chosen client as the command line says, and return its name; None if there is no default one."""
    name = session.settings.client or factory.default_client_name
    if name is None:
        return None
    options = factory.get(name).options
    changes = session.changes(options)
    if changes:
        changed = AsyncETCDService(attrs.evolve(options, **changes))
        await factory.remove(name)
        factory.add(name, changed)
    return name


def explained(session: Session) -> Explanation:
    """Return the configuration as its files are now."""
    return explanation(session.loaded(session.settings.env), (SECTION,))
