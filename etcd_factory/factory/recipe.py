"""How the configuration of a factory is loaded, each time anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attrs import evolve, frozen

from etcd_factory.options.plan import FactoryPlan, Reader

if TYPE_CHECKING:
    from etcd_factory.config import Filter, Loaded, Source

O = TypeVar("O")  # noqa: E741  # options of a client


@frozen(eq=False)
class Recipe:
    """The arguments of ``from_config``."""

    sources: tuple[Source, ...]
    env: str | None
    key: str
    filters: tuple[Filter, ...]
    concurrent: bool = False

    def load(self, read: Reader[O]) -> FactoryPlan[O]:
        """Return what to make. Raises ``ConfigError`` listing every problem of all layers and options."""
        from etcd_factory import config

        return self._plan(config.read(*self.sources, env=self.env, key=self.key, filters=self.filters), read)

    async def aload(self, read: Reader[O]) -> FactoryPlan[O]:
        """Return the same, awaiting the ``async`` functions of ``.py`` files."""
        from etcd_factory import config

        return self._plan(await config.aread(*self.sources, env=self.env, key=self.key, filters=self.filters), read)

    def stamps(self) -> list[object]:
        """Return something that differs once a source has changed; blocks on the disk."""
        from etcd_factory.config.stamps import stamps

        return stamps(self.sources or ("config",))

    def _plan(self, loaded: Loaded, read: Reader[O]) -> FactoryPlan[O]:
        from etcd_factory.config.section import section

        return evolve(section(loaded, self.key, read), concurrent=self.concurrent)
