"""The effective configuration, key by key, and the layer that each value came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen
from omegaconf import DictConfig, OmegaConf

from etcd_factory.options.kinds import is_mapping
from etcd_factory.options.secret import masked_options

from . import secrets, tree
from .loader import Filter, Loaded, read, section_of
from .secret_places import is_secret_at, may_be_secret
from .secret_places import shown as shown_path

if TYPE_CHECKING:
    from .sources import Source


@frozen
class Explained:
    """A value, secrets masked, and the label of the layer that set it."""

    value: object
    layer: str


@frozen(eq=False)
class Explanation(Mapping[str, Explained]):
    """A mapping from each dotted key to its value and layer. ``str()`` of it is an aligned table, a line for each.

    ``files`` were read; ``absent`` are the patterns of files that were looked for and are not there.
    """

    rows: Mapping[str, Explained]
    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> Explained:
        return self.rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        cells = [(key, shown(row.value), row.layer) for key, row in self.rows.items()]
        wide = max((len(key) for key, _, _ in cells), default=0)
        widest = max((len(value) for _, value, _ in cells), default=0)
        lines = [f"{key:<{wide}} = {value:<{widest}}  ({layer})" for key, value, layer in cells]
        lists = (("files read", self.files), ("files not found", self.absent))
        return "\n".join([*lines, *(f"{title}: {', '.join(names)}" for title, names in lists if names)])


def explain_config(
    *sources: Source, env: str | None = None, filters: Iterable[Filter] = (), key: str = "etcd"
) -> Explanation:
    """Return each effective key with its value, secrets as ``***``, and the layer that set it.

    Sources, ``env``, ``filters`` and ``key`` are those of ``load_config``. Raises ``ConfigError`` listing every problem
    of the load; an interpolation that cannot be resolved is shown as it was written.
    """
    sources = tuple(map(masked_options, sources))
    return explanation(read(*sources, env=env, filters=filters, key=key), section_of(key))


def explanation(loaded: Loaded, section: tree.Path) -> Explanation:
    """Return the same of what is loaded already."""
    loaded = loaded.checked()
    found = [
        (path, value, is_hidden(path, section, value))
        for path, value in leaves(tree.plain(loaded.tree), loaded.tree, section)
    ]
    hidden = {text for _, value, secret in found for text in secrets.texts(value, secret=secret)}
    return Explanation(
        {
            ".".join(shown_path(path, section)): Explained(
                secrets.mask(value, secret=secret, hidden=hidden), loaded.origin(path)
            )
            for path, value, secret in found
        },
        loaded.files,
        loaded.absent,
    )


def leaves(
    raw: Mapping[Any, object], node: DictConfig, section: tree.Path, path: tree.Path = ()
) -> Iterator[tuple[tree.Path, object]]:
    """Yield every value that is not a mapping, and every empty or secret mapping, in the order of the tree.

    The keys of a mapping below a secret's key may be the secret: YAML reads ``{hunter2}`` as a mapping. Only
    ``{file: path}`` is none.
    """
    for key, value in raw.items():
        here = (*path, str(key))
        if is_mapping(value) and value and not (is_secret_at(here, section) and list(value) != ["file"]):
            yield from leaves(value, node[key], section, here)
        else:
            yield here, resolved(node, key, value)


def resolved(node: DictConfig, key: Any, raw: object) -> object:
    """Return the value with its interpolations resolved, or as it was written if that fails."""
    try:
        value: object = node[key]
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    # A resolver may raise anything, and a configuration that fails to resolve is the one to explain.
    except Exception:
        return raw


def is_hidden(path: tree.Path, section: tree.Path, value: object) -> bool:
    """Whether a key of the path is that of a secret, or the value may be one that was written in the wrong place."""
    below_secret = any(is_secret_at(path[:end], section) for end in range(1, len(path) + 1))
    return below_secret or may_be_secret(path, section, value)


def shown(value: object) -> str:
    """Return a value as one line of text."""
    return value if isinstance(value, str) and value.isprintable() else repr(value)
