"""Reading all layers and merging them in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import field, frozen

from etcd_factory.coroutine import finish
from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options.fields import Values, is_mapping

from . import references, script, tree
from .environment import current_env, layers
from .faults import error_for, noted
from .formats import decoded, parsed
from .sources import Part, Source, plan
from .tree import Labels, Node
from .variables import variables

if TYPE_CHECKING:
    from omegaconf import DictConfig

Filter: TypeAlias = Callable[[Values], "Mapping[str, Any] | None"]


@frozen
class Loaded:
    """A loaded configuration: the merged tree, the origin of each value, and every fault.

    ``origins`` maps the path of every leaf and every mapping to the label of the last layer that set it.
    """

    tree: DictConfig = field(repr=False)
    origins: Labels
    faults: tuple[Fault, ...]
    env: str

    def origin(self, path: tuple[str, ...]) -> str:
        """Return the label of the layer that set ``path``, else of the one that set its nearest parent, else ''."""
        return tree.nearest(self.origins, path)

    def checked(self) -> Loaded:
        """Return itself. Raises ``ConfigError`` listing every problem, if there is one."""
        if self.faults:
            raise error_for(self.faults)
        return self


def load_config(
    *sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd"
) -> DictConfig:
    """Load and merge the layers of all sources into one OmegaConf tree.

    A source is a directory, a file or a mapping, by default the directory ``config``. ``env`` is the environment, by
    default ``$ETCD_FACTORY_ENV``, else ``$MIDWAY_SERVER_ENV``, else ``prod``. Each layer passes through all ``filters``
    before it is merged. ``key`` is the section with the options: only there are ``dialTimeout`` and ``dial_timeout``
    one key. Raises ``ConfigError`` listing every problem.
    """
    return read(*sources, env=env, filters=filters, key=key).checked().tree


async def aload_config(
    *sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd"
) -> DictConfig:
    """Load like ``load_config``; a ``.py`` file may have ``async def config(info, merged)``."""
    return (await aread(*sources, env=env, filters=filters, key=key)).checked().tree


def read(*sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd") -> Loaded:
    """Load like ``load_config`` and return the tree with its origins and faults; no fault is raised."""
    return finish(collect(sources or ("config",), current_env(env), tuple(filters), key, wait=False))


def assembled(parts: Iterable[Part]) -> Loaded:
    """Merge these layers alone: no files, no environment variables."""
    return finish(merge(parts, "", (), "etcd", wait=False))


async def aread(*sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd") -> Loaded:
    """Load like ``read``, awaiting ``async`` ``config`` functions."""
    return await collect(sources or ("config",), current_env(env), tuple(filters), key, wait=True)


async def collect(
    sources: tuple[Source, ...], env: str, filters: tuple[Filter, ...], key: str, *, wait: bool
) -> Loaded:
    """Merge all layers of the sources, environment variables last."""
    parts = plan(sources, layers(env)) or [empty(sources, env)]
    return await merge((*parts, *variables(os.environ)), env, filters, key, wait=wait)


async def merge(parts: Iterable[Part], env: str, filters: tuple[Filter, ...], key: str, *, wait: bool) -> Loaded:
    """Read and merge part by part, since a ``config`` function gets what was merged before it."""
    faults: list[Fault] = []
    found, section = Node({}, ""), tuple(filter(None, key.split(".")))
    for part in parts:
        with noted(faults):
            read = await content(part, found, section, env, wait=wait)
            values = filtered(mapping(read, part.label), filters, part.label)
            if values is not None:
                found = tree.merged(found, tree.grown(values, part.label, part.labels), section)
    found, unresolved = references.resolved(found, section)
    return Loaded(tree.config(tree.values(found), section), dict(tree.labels(found)), (*faults, *unresolved), env)


def empty(sources: tuple[Source, ...], env: str) -> Part:
    """Return the fault of a load without a single file or mapping."""
    names = ", ".join(str(source) for source in sources)
    message = f"nothing was read; looked for the files of {' and '.join(layers(env))}"
    return Part("", names, fault=Fault(names, "", message))


async def content(part: Part, below: Node, section: tree.Path, env: str, *, wait: bool) -> object:
    """Return the values of a part, read from its file if it has one."""
    if part.fault:
        raise ConfigError(part.fault)
    if part.file is None:
        return part.values
    text = decoded(part.file)
    if part.file.suffix != ".py":
        return parsed(part.file, text)
    merged, _ = references.resolved(below, section)  # its faults are reported at the end
    return await script.run(part.file, text, env, tree.values(merged), wait=wait)


def mapping(value: object, label: str) -> Values:
    """Return a copy in plain dicts, empty for None. Raises ``ConfigError`` unless ``value`` is a valid mapping."""
    found: object = {} if value is None else tree.checked(value, label)
    if not is_mapping(found):
        raise ConfigError(Fault(label, "", f"expected a mapping, got {type(value).__name__}"))
    return dict(found)


def filtered(values: Values, filters: tuple[Filter, ...], label: str) -> Values | None:
    """Return the layer as the filters leave it, None if one of them drops it."""
    for each in filters:
        answer = each(values)
        if answer is None:
            return None
        if not is_mapping(cast("object", answer)):
            raise TypeError(f"the filter {each!r} must return a mapping or None, not {type(answer).__name__}")
        values = mapping(answer, label)
    return values
