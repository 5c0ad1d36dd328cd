"""The tree that the layers merge into, each value with the label of the layer that set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, TypeAlias

from attrs import evolve, field, frozen
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import GrammarParseError, KeyValidationError, OmegaConfBaseException

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options.fields import is_list, is_mapping
from etcd_factory.options.interpolation import may_be_mapping
from etcd_factory.options.models import unmodeled
from etcd_factory.options.nesting import check_nesting
from etcd_factory.options.secret import SecretText

from .aliases import OPTIONS, level, respelled
from .client_urls import is_client, may_be_url
from .nodes import FLAGS, leaf_node, secret_node
from .secret_places import ITEM, is_secret_at, may_be_secret, shown

Path: TypeAlias = tuple[str, ...]
Labels: TypeAlias = Mapping[Path, str]

MISSING = "???"
# OmegaConf's own messages quote the value, which may be a secret.
BAD_KEY = "a key must be text or a number"
MESSAGES: dict[type[Exception], str] = {
    GrammarParseError: r"not a valid interpolation; write \${ for the text ${",
    KeyValidationError: BAD_KEY,
}
KEYS = (str, bytes, int, float, Enum)
# Values of one layer: OmegaConf takes 50 to 150 microseconds for each.
MOST = 50_000


@frozen
class Node:
    """A value (a dict of nodes for a mapping) and the label of the last layer that set it, or something in it."""

    value: object = field(repr=False)
    label: str


@frozen
class Laid:
    """A mapping laid over an interpolation, whose target is known only when all layers are merged."""

    under: Node
    over: Node


def plain(value: object) -> Any:
    """Return a copy in dicts and lists, interpolations unresolved, pydantic models as dicts; other objects are kept."""
    value = unmodeled(value)
    if OmegaConf.is_config(value):
        value = OmegaConf.to_container(value, resolve=False)
    if is_mapping(value):
        return {key: plain(each) for key, each in value.items()}
    if is_list(value):
        return [plain(each) for each in value]
    return value


def grown(value: object, label: str, labels: Labels, path: Path = ()) -> Node:
    """Return plain values as a tree, each with its label in ``labels``, else with that of its parent."""
    label = labels.get(path, label)
    if not is_mapping(value):
        return Node(value, label)
    return Node({key: grown(each, label, labels, (*path, str(key))) for key, each in value.items()}, label)


def merged(old: Node, new: Node, section: Path, path: Path = ()) -> Node:
    """Return ``new`` merged over ``old``: mappings merge, all else is replaced, and ``???`` keeps the old value.

    OmegaConf.merge does not fit: it copies the target of an interpolation instead of resolving it when read, cannot
    replace a list by a mapping, and does not know that a key has two spellings.
    """
    if isinstance(new.value, str) and new.value == MISSING:
        return old
    before, after = old.value, new.value
    if not is_mapping(after):
        return new
    if not is_mapping(before):
        return laid(old, new, section, path)
    value = respelled(before, after) if level(path, section) == OPTIONS else dict(before)
    for key, each in after.items():
        value[key] = merged(value[key], each, section, (*path, str(key))) if key in value else each
    return Node(value, new.label if after or not before else old.label)


def laid(old: Node, new: Node, section: Path, path: Path) -> Node:
    """Return a mapping laid over what is no mapping.

    An interpolation may refer to a mapping, and a client's URL stands for one; anything else is replaced.
    """
    under = old.value
    if isinstance(under, Laid):
        return Node(Laid(under.under, merged(under.over, new, section, path)), new.label)
    refers = isinstance(under, str) and may_be_mapping(under) and not is_secret_at(path, section)
    if not refers and not (is_client(path, section) and may_be_url(under)):
        return new
    return Node(Laid(old, new), new.label) if new.value else old


def values(node: Node) -> Any:
    """Return the tree without its labels, in new dicts and lists."""
    branch = node.value.under.value if isinstance(node.value, Laid) else node.value
    return {key: values(each) for key, each in branch.items()} if is_mapping(branch) else plain(branch)


def labels(node: Node, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the path and the label of every mapping and leaf below ``node``."""
    branch = node.value
    for key, each in branch.items() if is_mapping(branch) else ():
        yield (*path, str(key)), each.label
        yield from labels(each, (*path, str(key)))


def nearest(found: Labels, path: Path) -> str:
    """Return the label of ``path``, else of its nearest parent that has one, else ''."""
    above = (path[:end] for end in range(len(path), 0, -1))
    return next((found[each] for each in above if each in found), "")


def config(value: Mapping[Any, Any], section: Path = ()) -> DictConfig:
    """Return plain values as an OmegaConf tree with any object as a leaf; its ``repr`` shows no secret.

    Raises ``ConfigError`` if the values are invalid.
    """
    try:
        safe: dict[Any, Any] = wrapped(value, (), section)
        return OmegaConf.create(safe, flags={**FLAGS})  # a copy: OmegaConf keeps and changes the mapping
    except OmegaConfBaseException as error:
        raise ConfigError(refusal(error, str(error.full_key or ""))) from None


def wrapped(value: object, path: Path, section: Path, secret: bool = False) -> Any:
    """Return the value at a path with every leaf that needs it in a node; ``secret`` if it is below a secret's key."""
    secret = secret or is_secret_at(path, section) or may_be_secret(path, section, value)
    if is_mapping(value):
        inner = {key: (*path, str(key)) for key in value}
        return {key_text(key, at, section): wrapped(value[key], at, section, secret) for key, at in inner.items()}
    if is_list(value):
        return [wrapped(each, (*path, ITEM), section, secret) for each in value]
    return secret_node(value) if secret else leaf_node(value)


def key_text(key: Any, path: Path, section: Path) -> Any:
    """Return the last key of a path, as a secret where it may be one by mistake."""
    return SecretText(key) if isinstance(key, str) and shown(path, section) != path else key


def checked(value: object, label: str) -> Any:
    """Return a copy in dicts and lists. Raises ``ConfigError`` for values that OmegaConf would refuse, or too many.

    Creating a tree of them to find out takes 20 times longer.
    """
    try:
        total = check_nesting(value)
    except ConfigError as error:
        raise ConfigError(*(evolve(fault, file=label) for fault in error.faults)) from None
    if total > MOST:
        raise ConfigError(Fault(label, "", f"has {total} values, more than the {MOST} that a configuration may have"))
    found = plain(value)
    faults = [evolve(fault, file=label) for fault in invalid(found, "")]
    if faults:
        raise ConfigError(*faults)
    return found


def invalid(value: object, path: str) -> Iterator[Fault]:
    """Yield a fault for each key and each interpolation that OmegaConf would refuse."""
    if is_mapping(value):
        for key, each in value.items():
            here = f"{path}.{key}" if path else str(key)
            yield from invalid(each, here) if isinstance(key, KEYS) else [Fault("", path, BAD_KEY)]
    elif is_list(value):
        for index, each in enumerate(value):
            yield from invalid(each, f"{path}[{index}]")
    elif isinstance(value, str) and "${" in value:
        yield from unparsable(value, path)


def unparsable(text: str, path: str) -> Iterator[Fault]:
    """Yield a fault for text with an interpolation that does not follow OmegaConf's grammar."""
    try:
        OmegaConf.create([text])
    except OmegaConfBaseException as error:
        yield refusal(error, path)


def refusal(error: OmegaConfBaseException, path: str) -> Fault:
    """Return the fault for a value that OmegaConf refuses, without showing it."""
    return Fault("", path, MESSAGES.get(type(error), f"not valid in a configuration ({type(error).__name__})"))
