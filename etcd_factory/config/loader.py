"""All layers, read and merged in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from attrs import field, frozen

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options.kinds import is_mapping

from . import script, tree
from .environment import current_env, layers
from .faults import error_for, noted
from .formats import decoded, parsed
from .sources import Part, Source, plan
from .tree import Labels, Node
from .variables import variables

if TYPE_CHECKING:
    from omegaconf import DictConfig

T = TypeVar("T")
Filter: TypeAlias = Callable[[dict[str, Any]], "Mapping[str, Any] | None"]


@frozen
class Loaded:
    """What the sources give: the merged tree, who set what in it, and all that is wrong.

    ``origins`` has the label of the last layer for every leaf and every mapping, by its path.
    """

    tree: DictConfig = field(repr=False)
    origins: Labels
    faults: tuple[Fault, ...]
    env: str

    def origin(self, path: tuple[str, ...]) -> str:
        """The label of the layer that set ``path``, or what stands above it; empty if none did."""
        return tree.nearest(self.origins, path)

    def checked(self) -> Loaded:
        """Itself, or ``ConfigError`` with all faults."""
        if self.faults:
            raise error_for(self.faults)
        return self


def load_config(
    *sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd"
) -> DictConfig:
    """The merged configuration. ``ConfigError`` tells all that is wrong with it at once.

    A source is a directory (``config`` if there is none), a file, or a mapping; ``key`` is where the options stand.
    """
    return read(*sources, env=env, filters=filters, key=key).checked().tree


async def aload_config(
    *sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd"
) -> DictConfig:
    """The same as ``load_config``; a ``.py`` file may have ``async def config(info, merged)``."""
    return (await aread(*sources, env=env, filters=filters, key=key)).checked().tree


def read(*sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd") -> Loaded:
    """The merged configuration, where it came from, and its faults, not raised."""
    return finish(collect(sources or ("config",), current_env(env), tuple(filters), key, wait=False))


def assembled(parts: Iterable[Part]) -> Loaded:
    """The same of these layers alone: no file, no variable of the environment."""
    return finish(merge(parts, "", (), "etcd", wait=False))


async def aread(*sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd") -> Loaded:
    """The same as ``read``, async ``config`` functions awaited."""
    return await collect(sources or ("config",), current_env(env), tuple(filters), key, wait=True)


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("the blocking face can't wait")


async def collect(
    sources: tuple[Source, ...], env: str, filters: tuple[Filter, ...], key: str, *, wait: bool
) -> Loaded:
    """All layers of the sources, and the environment's over them."""
    parts = plan(sources, layers(env)) or [nothing(sources, env)]
    return await merge((*parts, *variables(os.environ)), env, filters, key, wait=wait)


async def merge(parts: Iterable[Part], env: str, filters: tuple[Filter, ...], key: str, *, wait: bool) -> Loaded:
    """Read and merge part by part, since a ``config`` function is given what stands below it."""
    faults: list[Fault] = []
    found, section = Node({}, ""), tuple(filter(None, key.split(".")))
    for part in parts:
        with noted(faults):
            values = filtered(mapping(await content(part, found, env, wait), part.label), filters)
            if values is not None:
                tree.config(values, part.label)
                found = tree.merged(found, tree.grown(values, part.label, part.labels), section)
    return Loaded(tree.config(tree.values(found), ""), dict(tree.labels(found)), tuple(faults), env)


def nothing(sources: tuple[Source, ...], env: str) -> Part:
    """The fault of a load that no file or mapping takes part in."""
    names = ", ".join(str(source) for source in sources)
    message = f"nothing was read; looked for the files of {' and '.join(layers(env))}"
    return Part("", names, fault=Fault(names, "", message))


async def content(part: Part, below: Node, env: str, wait: bool) -> Any:
    """What a part says, read from its file if it has one."""
    if part.fault:
        raise ConfigError(part.fault)
    if part.file is None:
        return part.values
    text = decoded(part.file)
    if part.file.suffix != ".py":
        return parsed(part.file, text)
    return await script.run(part.file, text, env, tree.values(below), wait=wait)


def mapping(value: Any, label: str) -> dict[str, Any]:
    """A copy in plain dicts, empty for ``None``; anything else is a fault."""
    found: Any = {} if value is None else tree.plain(value)
    if not is_mapping(found):
        raise ConfigError(Fault(label, "", f"expected a mapping, not {type(value).__name__}"))
    return dict(found)


def filtered(values: dict[str, Any], filters: tuple[Filter, ...]) -> dict[str, Any] | None:
    """The layer as the filters leave it, or ``None`` if one drops it."""
    for each in filters:
        answer = each(values)
        if answer is None:
            return None
        if not is_mapping(cast("object", answer)):
            raise TypeError(f"the filter {each!r} has to return a mapping or None, not {type(answer).__name__}")
        values = tree.plain(answer)
    return values
