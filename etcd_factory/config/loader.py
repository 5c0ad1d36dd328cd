"""Reading all layers and merging them in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import define, evolve, field, frozen

from etcd_factory.coroutine import finish
from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options.fields import Values, is_mapping
from etcd_factory.options.secret import masked_options

from . import script, tree
from .environment import VARIABLES, current_env, is_named, layers
from .faults import error_for, noted
from .formats import decoded, parsed
from .missing_layers import absent, warn_unknown
from .references import References, resolved
from .sources import ENV_FILE, Part, Source, plan
from .tree import Labels, Node

if TYPE_CHECKING:
    from omegaconf import DictConfig

Filter: TypeAlias = Callable[[Values], "Mapping[str, Any] | None"]


@frozen
class Loaded:
    """A loaded configuration: the merged tree, the origin of each value, and every fault.

    ``origins`` maps the path of every leaf and every mapping to the label of the last layer that set it; ``files`` are
    those that were read, ``absent`` the patterns of those that were looked for in vain.
    """

    tree: DictConfig = field(repr=False)
    origins: Labels
    faults: tuple[Fault, ...]
    env: str
    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

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

    A source is a directory, a file or a mapping, by default the directory ``config``; a ``.env`` file has variables
    like those of the environment. ``env`` is the environment, by
    default ``$ETCD_FACTORY_ENV``, else ``$MIDWAY_SERVER_ENV``, else ``prod``. Each layer passes through all ``filters``
    before it is merged. ``key`` is the section with the options: only there are ``dialTimeout`` and ``dial_timeout``
    one key. Raises ``ConfigError`` listing every problem.

    OmegaConf resolves an interpolation of the tree when it is read. There one that refers to nothing raises
    ``omegaconf.errors.InterpolationResolutionError``; a client or factory that gets it raises ``ConfigError``.
    """
    sources = tuple(map(masked_options, sources))
    return read(*sources, env=env, filters=filters, key=key).checked().tree


async def aload_config(
    *sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd"
) -> DictConfig:
    """Load like ``load_config``; a ``.py`` file may have ``async def config(info, merged)``."""
    sources = tuple(map(masked_options, sources))
    return (await aread(*sources, env=env, filters=filters, key=key)).checked().tree


def read(*sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd") -> Loaded:
    """Load like ``load_config`` and return the tree with its origins and faults; no fault is raised."""
    reader = Reader(current_env(env), key, tuple(filters), is_named=is_named(env))
    return finish(collect(sources or ("config",), reader))


def assembled(parts: Iterable[Part]) -> Loaded:
    """Merge these layers alone: no files, no environment variables."""
    reader = Reader("", "etcd")
    return finish(reader.loaded(parts))


async def aread(*sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd") -> Loaded:
    """Load like ``read``, awaiting ``async`` ``config`` functions."""
    reader = Reader(current_env(env), key, tuple(filters), is_named=is_named(env), wait=True)
    return await collect(sources or ("config",), reader)


async def collect(sources: tuple[Source, ...], reader: Reader) -> Loaded:
    """Merge all layers of the sources, environment variables last."""
    wanted = layers(reader.env)
    if reader.is_named:
        warn_unknown(reader.env, sources, wanted)
    parts = plan(sources, wanted) or [empty(sources, reader.env)]
    loaded = await reader.loaded(parts, os.environ)
    files = tuple(str(part.file) for part in parts if part.file)
    return evolve(loaded, files=files, absent=tuple(absent(sources, wanted, parts)))


def overrides(environ: Mapping[str, str], below: References) -> list[Part]:
    """Return the layer of environment variables, loading what reads them only if there may be some."""
    if not any(name.casefold().startswith("etcd_factory") and name not in VARIABLES for name in environ):
        return []
    from .variables import variables

    return variables(environ, below)


def section_of(key: str) -> tree.Path:
    """Return the keys of a dotted path; an empty one is the whole tree."""
    return tuple(filter(None, key.split(".")))


@define
class Reader:
    """Reads and merges layers, one by one: a ``config`` function gets what was merged before it."""

    env: str
    section: tree.Path = field(converter=section_of)
    filters: tuple[Filter, ...] = ()
    is_named: bool = field(default=False, kw_only=True)
    wait: bool = field(default=False, kw_only=True)
    root: Node = field(default=Node({}, ""), init=False)
    faults: list[Fault] = field(factory=list[Fault], init=False)

    async def loaded(self, parts: Iterable[Part], environ: Mapping[str, str] | None = None) -> Loaded:
        """Return the merged parts, and over them what the environment's variables set."""
        await self.merge(parts)
        await self.merge(overrides(environ or {}, References(self.root, self.section)))
        root, unresolved = resolved(self.root, self.section)
        values, origins = tree.config(tree.values(root), self.section), dict(tree.labels(root))
        return Loaded(values, origins, (*self.faults, *unresolved), self.env)

    async def merge(self, parts: Iterable[Part]) -> None:
        """Merge parts over those before them."""
        for part in parts:
            with noted(self.faults):
                if part.layer == ENV_FILE and part.file is not None:
                    from .env_files import parts as parts_of

                    await self.merge(parts_of(part.file, References(self.root, self.section)))
                    continue
                values = filtered(mapping(await self.content(part), part.label), self.filters, part.label)
                if values is not None:
                    self.root = tree.merged(self.root, tree.grown(values, part.label, part.labels), self.section)

    async def content(self, part: Part) -> object:
        """Return the values of a part, read from its file if it has one."""
        if part.fault:
            raise ConfigError(part.fault)
        if part.file is None:
            return part.values
        text = decoded(part.file)
        if part.file.suffix != ".py":
            return parsed(part.file, text)
        merged, _ = resolved(self.root, self.section)  # its faults are reported at the end
        return await script.run(part.file, text, self.env, tree.values(merged), wait=self.wait)


def empty(sources: tuple[Source, ...], env: str) -> Part:
    """Return the fault of a load without a single file or mapping."""
    names = ", ".join(str(source) for source in sources)
    message = f"nothing was read; looked for the files of {' and '.join(layers(env))}"
    return Part("", names, fault=Fault(names, "", message))


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
