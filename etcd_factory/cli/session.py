"""What a command works with: the configuration's factory, its clients, and what is printed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import typer
from attrs import field, frozen

from etcd_factory.config import Loaded, Source, aread
from etcd_factory.config.environment import layers
from etcd_factory.config.missing_layers import nothing_for
from etcd_factory.errors import ConfigError
from etcd_factory.factory import ETCDServiceFactory
from etcd_factory.factory.recipe import Recipe
from etcd_factory.options import ClientOptions
from etcd_factory.options.plan import FactoryPlan, Reader
from etcd_factory.service import ETCDService

from .advice import explained
from .output import Output
from .settings import Settings

FOLDER = "config"
SECTION = "etcd"
PASSWORD = "ETCD_PASSWORD"  # noqa: S105  # the name of a variable
NOTHING: dict[str, object] = {
    SECTION: {"client": {}}
}  # without files there is a client on 127.0.0.1:2379, and what variables set
VARIABLES = "etcd_factory__"
ADJUSTED = "(command line)"
NO_PASSWORD = f"set ${PASSWORD}, or run it in a terminal, where the password is asked for"


@frozen
class Session:
    """The shared options of one command, and what they lead to."""

    settings: Settings = field(factory=Settings)

    @property
    def out(self) -> Output:
        """What prints the results."""
        return Output(self.settings.is_json)

    def sources(self, env: str | None = None) -> tuple[Source, ...]:
        """Return the sources of the configuration: those given, else the directory ``config``, else variables alone.

        Raises ``ConfigError`` if they have nothing for that environment, or the one that was chosen, though for others.
        """
        found: tuple[Source, ...] = self.settings.config or ((FOLDER,) if Path(FOLDER).is_dir() else (NOTHING,))
        name = env or self.settings.env
        problem = nothing_for(name, found, layers(name), strict=True) if name else ""
        if problem:
            raise ConfigError(f"--env: {problem}" if name == self.settings.env else problem)
        return found

    @property
    def is_configured(self) -> bool:
        """Whether there is a configuration: sources, or variables that set options."""
        return self.sources() != (NOTHING,) or any(name.casefold().startswith(VARIABLES) for name in os.environ)

    def loaded(self, env: str | None) -> Loaded:
        """Return the configuration of an environment; not in an event loop. Raises ``ConfigError`` for all problems."""
        return asyncio.run(aread(*self.sources(env), env=env, key=SECTION)).checked()

    def plan(self) -> FactoryPlan[ClientOptions]:
        """Return the options of all clients. Raises ``ConfigError`` listing every problem."""
        return asyncio.run(self.aplan(ETCDServiceFactory.read_options))

    async def aplan(self, read: Reader[ClientOptions]) -> FactoryPlan[ClientOptions]:
        """Return the same for a factory whose clients' options are read by ``read``."""
        return await Recipe(self.sources(), self.settings.env, SECTION, ()).aload(read)

    @contextmanager
    def factory(self) -> Generator[ETCDServiceFactory, None, None]:
        """Give the factory of the configuration, closed at the end."""
        with ETCDServiceFactory(self.plan()) as factory:
            yield factory

    @contextmanager
    def client(self) -> Generator[ETCDService, None, None]:
        """Give the chosen client, with what the command line changes of its options."""
        with self.factory() as factory:
            etcd = self.chosen(factory)
            with explained(etcd):
                yield etcd

    def chosen(self, factory: ETCDServiceFactory, name: str | None = None) -> ETCDService:
        """Return the chosen client of a factory, or the one of that name unless one is chosen."""
        etcd = factory.get(self.settings.client or name)
        changes = self.changes(etcd.options)
        if not changes:
            return etcd
        adjusted = ETCDService(attrs.evolve(etcd.options, **changes))
        factory.add(ADJUSTED, adjusted)
        return adjusted

    def changes(self, options: ClientOptions) -> dict[str, Any]:
        """Return what the command line changes of a client's options."""
        given = {"hosts": self.settings.hosts, "timeout": self.settings.timeout}
        found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if self.settings.hosts is not None and options.tls is not None and "://" not in self.settings.hosts:
            found["hosts"] = ",".join(f"https://{host}" for host in self.settings.hosts.split(","))
        if self.settings.user is not None:
            found["auth"] = {"username": self.settings.user, "password": password(self.settings.user)}
        return found

    def clients(self, factory: ETCDServiceFactory) -> Iterator[tuple[str, ETCDService]]:
        """Yield the chosen client alone, which ``--hosts`` and ``--user`` choose too, or all clients, by name."""
        changed = self.settings.client or factory.default_client_name
        if (self.settings.client, self.settings.hosts, self.settings.user) != (None, None, None):
            yield str(changed), self.chosen(factory)
            return
        for name in factory.names:
            yield name, self.chosen(factory, name) if name == changed else factory.get(name)


def password(user: str) -> str:
    """Return a user's password, from the environment or asked for. It is never an argument: others could see that."""
    given = os.environ.get(PASSWORD)
    if given is not None:
        return given
    if not is_interactive():
        raise ConfigError(f"--user {user}: there is no password; {NO_PASSWORD}")
    answer: str = typer.prompt(f"Password of {user}", hide_input=True, err=True)
    return answer


def is_interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()
