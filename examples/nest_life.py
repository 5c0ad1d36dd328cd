"""The life of an application of modules: hooks, a provider for each request, shutdown by a signal, and its test.

Requires pip install 'etcd-factory[nest]', but no etcd.
"""

from __future__ import annotations

import os
import signal
from itertools import count
from typing import Annotated, Any

from etcd_factory.nest import (
    REQUEST,
    Application,
    ConfigModule,
    ConfigService,
    Inject,
    ModuleRef,
    Provider,
    Test,
    module,
    register_as,
)


@register_as("pool")
def pool_settings() -> dict[str, Any]:
    """Return what is below the name ``pool`` in the configuration."""
    return {"size": 3}


class Pool:
    """Connections, opened when all modules are built and closed when the application stops."""

    def __init__(self, settings: Annotated[dict[str, Any], Inject(pool_settings.KEY)], config: ConfigService) -> None:
        assert config["pool.size"] == settings["size"]
        self.size = settings["size"]
        self.requests = count(1)

    def on_module_init(self) -> None:
        """Connect."""
        print(f"start: the pool is connected, with {self.size} connections")

    def before_application_shutdown(self, signal: str | None) -> None:
        """Disconnect."""
        print(f"stop: {signal}, the pool is closed")


class Handler:
    """Built for each request."""

    def __init__(self, pool: Pool, path: Annotated[str, Inject(REQUEST)]) -> None:
        self.pool, self.path = pool, path
        self.number = next(pool.requests)

    def __str__(self) -> str:
        return f"pool of {self.pool.size}, request {self.number}"


class Router:
    """Finds the handlers of the module."""

    def __init__(self, ref: ModuleRef) -> None:
        self.ref = ref


@module(
    imports=[ConfigModule.for_root(ignore_env_file=True, load=[pool_settings])],
    providers=[Pool, Router, Provider(Handler, use_class=Handler, scope="request")],
)
class AppModule:
    """The root module."""


def serve() -> None:
    """Handle two requests, and then a signal."""
    with Application(AppModule).enable_shutdown_hooks() as app:
        for path in ("/users", "/cats"):
            with app.context(path) as context:
                handler = app.get(Router).ref.resolve(Handler, context=context)
                print(f"GET {handler.path:<7} {handler}")
        os.kill(os.getpid(), signal.SIGTERM)
        print("never printed")


class FakePool:
    """A pool without connections."""

    size = 1
    requests = count(1)


def main() -> None:
    """Serve until the signal, and show a test."""
    try:
        serve()
    except SystemExit as end:
        print(f"the process would end with {end.code}")
    with Test.create(imports=[AppModule]).override_provider(Pool).use_class(FakePool).compile() as app:
        print(f"in a test: {app.resolve(Handler)}")


if __name__ == "__main__":
    main()
