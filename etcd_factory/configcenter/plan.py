"""What a configuration is built from: the entries in etcd, over other sources."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from attrs import frozen

from etcd_factory.config.loader import aread, assembled, read
from etcd_factory.config.sources import Part, Source
from etcd_factory.core.face import Sync
from etcd_factory.core.ports import Runtime

from .entries import Entries, parts
from .typed import reader, typed


@frozen
class Plan:
    """How a configuration is built: ``cls`` of the value, and the layers of ``sources`` under those in etcd."""

    cls: Any
    prefix: str
    names: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    env: str | None = None

    @classmethod
    def of(cls, kind: Any, prefix: str, names: tuple[str, ...], sources: Iterable[Source], env: str | None) -> Plan:
        """Return a plan; ``TypeError`` if ``kind`` is no class that can be filled."""
        if kind is not None:
            reader(kind)
        return cls(kind, prefix, names, tuple(sources), env)

    def build(self, entries: Entries) -> Any:
        """Return the value; ``ConfigError`` lists every problem."""
        layers = self._layers(entries)
        loaded = read(*self.sources, layers, env=self.env) if self.sources else assembled(layers.parts)
        return typed(self.cls, loaded.checked().tree, loaded.origin)

    async def build_aside(self, runtime: Runtime, entries: Entries) -> Any:
        """The same without holding up an event loop; in asyncio the function of a ``.py`` source may be ``async``."""
        if runtime.face is Sync or not self.sources:
            return await runtime.aside(partial(self.build, entries))
        loaded = await aread(*self.sources, self._layers(entries), env=self.env)
        return typed(self.cls, loaded.checked().tree, loaded.origin)

    def _layers(self, entries: Entries) -> Layers:
        return Layers(tuple(parts(entries, self.names, self.prefix)))


@frozen
class Layers:
    """Layers as a source of a configuration."""

    parts: tuple[Part, ...]

    def config_layers(self) -> tuple[Part, ...]:
        """Return the layers."""
        return self.parts
