"""What a configuration is built from: the entries in etcd, over other sources."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

from attrs import frozen

from etcd_factory.config.loader import aread, assembled, read
from etcd_factory.config.sources import Part, Source
from etcd_factory.core.face import Sync
from etcd_factory.core.ports import Runtime
from etcd_factory.errors import ConfigError

from .entries import Entries, parts
from .typed import reader, typed

T = TypeVar("T")


@frozen
class Plan(Generic[T]):
    """How a configuration is built: the class of the value, and the layers of ``sources`` under those in etcd.

    Without a class the value is an OmegaConf tree. With ``resolve`` interpolations in the values in etcd are resolved.
    Raises ``TypeError`` if the class cannot be filled.
    """

    cls: type[T] | None
    prefix: str
    names: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    env: str | None = None
    resolve: bool = False

    def __attrs_post_init__(self) -> None:
        if self.cls is not None:
            reader(self.cls)  # a class that cannot be filled is reported before anything is read

    def build(self, entries: Entries) -> T:
        """Return the value. Raises ``ConfigError`` listing every problem."""
        with bounded():
            layers = self._layers(entries)
            loaded = read(*self.sources, layers, env=self.env) if self.sources else assembled(layers.parts)
            return typed(self.cls, loaded.checked().tree, loaded.origin)

    async def build_aside(self, runtime: Runtime, entries: Entries) -> T:
        """Build without blocking an event loop; in asyncio the function of a ``.py`` source may be ``async``."""
        if runtime.face is Sync or not self.sources:
            return await runtime.aside(partial(self.build, entries))
        with bounded():
            loaded = await aread(*self.sources, self._layers(entries), env=self.env)
            return typed(self.cls, loaded.checked().tree, loaded.origin)

    def layers(self, entries: Entries) -> tuple[Part, ...]:
        """Return what etcd has as layers of a configuration."""
        return tuple(parts(entries, self.names, self.prefix, resolve=self.resolve))

    def _layers(self, entries: Entries) -> Layers:
        return Layers(self.layers(entries))


@contextmanager
def bounded() -> Generator[None, None, None]:
    """Raise ``ConfigError`` for values that a class, or a library that it uses, cannot go down to the end of."""
    try:
        yield
    except RecursionError:
        raise ConfigError("nested too deeply") from None


@frozen
class Layers:
    """Layers as a source of a configuration."""

    parts: tuple[Part, ...]

    def config_layers(self) -> tuple[Part, ...]:
        """Return the layers."""
        return self.parts
