"""YAML as OmegaConf reads it: dates stay text, ``1e3`` is a number, a duplicate key is an error.

OmegaConf's own loader is not public, refuses files of more than 10,000 values since 2.4, and what it returns has to be
converted twice.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import pathlib
import re
from typing import TYPE_CHECKING, Any

import yaml

from etcd_factory.options.secret import is_secret

from .duplicates import duplicate

if TYPE_CHECKING or not yaml.__with_libyaml__:
    from yaml import SafeLoader as Base
else:
    from yaml import CSafeLoader as Base

FLOAT = "tag:yaml.org,2002:float"
TIMESTAMP = "tag:yaml.org,2002:timestamp"
MERGE = "tag:yaml.org,2002:merge"
PATHS = "tag:yaml.org,2002:python/object/apply:pathlib."  # how OmegaConf.save writes a path
NUMBER = re.compile(
    r"""^(?:
     [-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
    |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
# A document may be this large, or this many times larger than it was written: aliases of aliases grow exponentially.
LARGE, GROWTH = 10_000, 100


class Loader(Base):
    """PyYAML's safe loader with OmegaConf's dialect."""

    def construct_document(self, node: yaml.Node) -> Any:
        """Return the value of a document whose aliases do not make it endless or huge."""
        sizes: dict[int, int] = {}
        if expanded_size(node, sizes) > max(LARGE, GROWTH * len(sizes)):
            raise refused(node, f"aliases make this document more than {GROWTH} times larger")
        reject_duplicates(node, set())  # before keys are merged, which may then be there twice
        return super().construct_document(node)


def load(text: str) -> Any:
    """Return the value of a YAML document, None if it is empty. Raises ``yaml.YAMLError``, or ``RecursionError``."""
    return yaml.load(text, Loader)  # noqa: S506  # it is a safe loader


def refused(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    """Return the error for a node that is not accepted."""
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def expanded_size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Return how many nodes there are once aliases are expanded; ``sizes`` has those already counted, 0 if begun."""
    if sizes.get(id(node)) == 0:
        raise refused(node, "an alias contains itself")
    if id(node) not in sizes:
        sizes[id(node)] = 0
        sizes[id(node)] = 1 + sum(expanded_size(each, sizes) for each in children(node))
    return sizes[id(node)]


def children(node: yaml.Node) -> list[yaml.Node]:
    """Return the nodes directly inside a node."""
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def reject_duplicates(node: yaml.Node, seen: set[int], name: str = "") -> None:
    """Raise an error for a key that is written twice, of which PyYAML would keep the last value.

    The keys inside a secret are not shown; ``name`` is the key of the mapping.
    """
    if id(node) in seen or not isinstance(node, yaml.CollectionNode):
        return
    seen.add(id(node))
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        reject_duplicates(value, seen, name if is_secret(name) else str(key.value))
    for each in node.value if isinstance(node, yaml.SequenceNode) else ():
        reject_duplicates(each, seen, name)
    if isinstance(node, yaml.MappingNode):
        reject_repeated(node, name)


def reject_repeated(node: yaml.MappingNode, name: str) -> None:
    """Raise an error for a key that is twice in one mapping."""
    seen: set[tuple[str, str]] = set()
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != MERGE):
        if (key.tag, key.value) in seen:
            raise refused(key, duplicate((name,) if name else (), key.value))
        seen.add((key.tag, key.value))


def path(loader: Loader, suffix: str, node: yaml.Node) -> pathlib.Path:
    """Return a path that OmegaConf saved."""
    del suffix
    if not isinstance(node, yaml.SequenceNode):
        raise refused(node, "expected the parts of a path")
    return pathlib.Path(*loader.construct_sequence(node))


def unsupported(loader: Loader, node: yaml.Node) -> object:
    """Refuse a type that a configuration cannot hold."""
    del loader
    raise refused(node, f"{node.tag.rpartition(':')[2]} is not a type of values here; write a list or text")


Loader.add_multi_constructor(PATHS, path)
for name in ("set", "omap", "pairs", "timestamp"):
    Loader.add_constructor(f"tag:yaml.org,2002:{name}", unsupported)
Loader.add_implicit_resolver(FLOAT, NUMBER, list("-+0123456789."))
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()
}
