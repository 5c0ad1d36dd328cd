"""Interpolations that refer to other keys: a mapping laid over one, and keys in another spelling than they have."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from attrs import evolve, frozen
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.options.interpolation import (
    REFERENCE,
    escaped,
    is_escaped,
    keys_of,
    may_be_mapping,
    target,
    whole_reference,
)
from etcd_factory.options.kinds import is_list, is_mapping
from etcd_factory.options.names import canonical
from etcd_factory.options.nesting import DEEPEST
from etcd_factory.options.unresolved import reason
from etcd_factory.options.urls import is_url

from . import tree
from .aliases import OPTIONS, level
from .client_urls import is_client, may_be_url
from .faults import noted
from .tree import Laid, Node, Path

# Merges of one load: each copies what an interpolation refers to, which may have others in it.
MOST = 10_000


def resolved(root: Node, section: Path) -> tuple[Node, list[Fault]]:
    """Return the merged layers as they are read: mappings merged over what they were laid over, keys spelled alike.

    The faults are those of interpolations that mappings were laid over and that cannot be resolved.
    """
    expanded, faults = References(root, section).expanded()
    return References(expanded, section).respelled(expanded, ()), faults


@frozen
class Found:
    """The node that a path leads to, its own path, and the path as its keys are spelled."""

    node: Node
    at: Path
    keys: Path


class References:
    """Follows interpolations in merged layers."""

    def __init__(self, root: Node, section: Path) -> None:
        self.root, self.section = root, section
        self._open: list[Path] = []
        self._merges = 0

    def find(self, path: Path) -> Found | None:
        """Return what is at a path, its keys in any spelling, through interpolations; None if there is nothing."""
        found = Found(self.root, (), ())
        for key in path:
            at = self.followed(found)
            entry = child(at.node, self._key(key, at.at), is_option=self._has_options(at.at, found.keys))
            if entry is None:
                return None
            name, node = entry
            found = Found(node, (*at.at, name), (*found.keys, name))
        return found

    def followed(self, found: Found) -> Found:
        """Return what an interpolation refers to, and a mapping as it is merged; anything else unchanged."""
        value = found.node.value
        if isinstance(value, Laid):
            return evolve(found, node=self._merged(value, found.at))
        reference = whole_reference(value) if isinstance(value, str) else None
        if reference is None:
            return evolve(found, node=self._unfolded(found.node, found.at))
        with self._entered(found.node, found.at):
            further = self.find(target(reference, found.at))
            return found if further is None else evolve(self.followed(further), keys=found.keys)

    def expanded(self) -> tuple[Node, list[Fault]]:
        """Return the tree with every mapping merged over what it was laid over."""
        faults: list[Fault] = []
        return self._expanded(self.root, (), faults), faults

    def _expanded(self, node: Node, at: Path, faults: list[Fault]) -> Node:
        value = node.value
        if isinstance(value, Laid):
            node = value.over
            with noted(faults):
                node = self._merged(value, at)
        node = self._unfolded(node, at)
        if not is_mapping(node.value):
            return node
        inner = {key: self._expanded(each, (*at, str(key)), faults) for key, each in node.value.items()}
        return Node(inner, node.label)

    def _merged(self, laid: Laid, at: Path) -> Node:
        """Return a mapping merged over what the interpolation below it refers to, if that is a mapping too."""
        self._merges += 1
        if self._merges > MOST or len(at) > DEEPEST:
            raise ConfigError(Fault(laid.under.label, ".".join(at), "interpolations make this grow without measure"))
        under = self._unfolded(laid.under, at)
        if not is_mapping(under.value):
            under = self._target(under, at)
        return tree.merged(under, laid.over, self.section, at) if is_mapping(under.value) else laid.over

    def _target(self, node: Node, at: Path) -> Node:
        """Return what an interpolation refers to, through further ones."""
        reference = whole_reference(str(node.value))
        if reference is None:
            return self._computed(node, at)
        with self._entered(node, at):
            keys = target(reference, at)
            found = self.find(keys)
            if found is None:
                raise ConfigError(Fault(node.label, ".".join(at), f"no such key: {'.'.join(keys)}{self._near(keys)}"))
            if found.at == at[: len(found.at)]:
                raise circle(node, at)
            return rebased(self._final(found), found.at, ())

    def _final(self, found: Found) -> Node:
        value = found.node.value
        if isinstance(value, Laid):
            return self._merged(value, found.at)
        goes_on = isinstance(value, str) and (may_be_mapping(value) or (is_url(value) and "${" in value))
        return self._target(found.node, found.at) if goes_on else found.node

    def _computed(self, node: Node, at: Path) -> Node:
        """Return what the function of an interpolation returns."""
        parent: Any = tree.config(tree.values(self.root), self.section)
        try:
            for key in at[:-1]:
                parent = parent[next(name for name in parent if str(name) == key)]
            value = parent[next(name for name in parent if str(name) == at[-1])]
        except OmegaConfBaseException as error:
            raise ConfigError(Fault(node.label, ".".join(at), reason(error, parent, at[-1]))) from None
        if OmegaConf.is_config(value):
            return tree.grown(tree.plain(value), node.label, {})
        # what a function returns is read as it is
        return tree.grown(escaped(value), node.label, {}) if is_mapping(value) else Node(value, node.label)

    def _unfolded(self, node: Node, at: Path) -> Node:
        """Return the options that a client's URL stands for, its interpolations resolved; anything else unchanged."""
        if not is_client(at, self.section) or not may_be_url(node.value):
            return node
        from .url_values import url_values  # here, as not every program has a URL

        found = None
        with noted([]):  # what cannot be resolved is reported when it is read
            is_final = not isinstance(node.value, str) or "${" not in node.value
            found = url_values(node.value if is_final else self._target(node, at).value)
        return node if found is None else tree.grown(found, node.label, {})

    def respelled(self, node: Node, at: Path) -> Node:
        """Return a node in whose interpolations every key is spelled as it is in the tree."""
        value = node.value
        if is_mapping(value):
            inner = {key: self.respelled(each, (*at, str(key))) for key, each in value.items()}
            return Node(inner, node.label)
        return Node(self._respelled(value, at), node.label)

    def _respelled(self, value: object, at: Path) -> object:
        if isinstance(value, str) and "${" in value:
            return REFERENCE.sub(lambda found: self._spelled(found, at), value)
        if is_list(value):
            return [self._respelled(each, (*at, str(index))) for index, each in enumerate(value)]
        if is_mapping(value):
            return {key: self._respelled(each, (*at, str(key))) for key, each in value.items()}
        return value

    def _spelled(self, reference: re.Match[str], at: Path) -> str:
        written = keys_of(reference["path"])
        found = None
        if not is_escaped(reference):
            with noted([]):  # one that refers to itself is reported when it is read
                found = self.find(target(reference, at))
        if found is None:
            return reference[0]
        keys = [old if "${" in old else new for old, new in zip(written, found.keys[-len(written) :], strict=True)]
        same = all(map(str.__eq__, written, keys))
        start = reference[0][: reference.start("path") - reference.start()]
        return reference[0] if same else start + ".".join(keys)

    def _key(self, key: str, at: Path) -> str:
        """Return the key that an interpolation in the place of a key refers to."""
        reference = whole_reference(key)
        found = self.find(target(reference, at)) if reference else None
        return key if found is None else str(self.followed(found).node.value)

    def _has_options(self, *paths: Path) -> bool:
        return any(level(path, self.section) == OPTIONS for path in paths)

    def _near(self, keys: Path) -> str:
        for end in range(len(keys)):
            found = self.find(keys[: end + 1])
            if found is None:
                above = self.find(keys[:end])
                value = self.followed(above).node.value if above else None
                return suggestion(keys[end], map(str, value)) if is_mapping(value) else ""
        return ""

    @contextmanager
    def _entered(self, node: Node, at: Path) -> Generator[None, None, None]:
        if at in self._open:
            raise circle(node, at)
        self._open.append(at)
        try:
            yield
        finally:
            self._open.pop()


def circle(node: Node, at: Path) -> ConfigError:
    """Return the error for an interpolation that leads back to itself."""
    return ConfigError(Fault(node.label, ".".join(at), "refers to itself"))


def child(node: Node, key: str, *, is_option: bool) -> tuple[str, Node] | None:
    """Return the entry of a mapping or a list with its key; an option is found in any spelling of its key."""
    value = node.value
    if is_list(value):
        inside = key.isdecimal() and int(key) < len(value)
        return (key, tree.grown(value[int(key)], node.label, {})) if inside else None
    entries = {str(name): each for name, each in value.items()} if is_mapping(value) else {}
    alike = [name for name in entries if is_option and canonical(name) == canonical(key)]
    if key not in entries and len(alike) == 1:
        (key,) = alike
    return (key, entries[key]) if key in entries else None


def rebased(node: Node, source: Path, at: Path) -> Node:
    """Return a copy of what is at ``source``, to be put elsewhere: interpolations that lead out of it are absolute."""
    value = node.value
    if isinstance(value, Laid):
        return Node(Laid(rebased(value.under, source, at), rebased(value.over, source, at)), node.label)
    if is_mapping(value):
        inner = {key: rebased(each, source, (*at, str(key))) for key, each in value.items()}
        return Node(inner, node.label)
    return Node(absolute(value, source, at), node.label)


def absolute(value: object, source: Path, at: Path) -> object:
    """Return a value in which relative interpolations that lead out of ``source`` are absolute."""
    if is_list(value):
        return [absolute(each, source, (*at, str(index))) for index, each in enumerate(value)]
    if is_mapping(value):
        return {key: absolute(each, source, (*at, str(key))) for key, each in value.items()}
    if not isinstance(value, str) or "${" not in value:
        return value

    def written(found: re.Match[str]) -> str:
        if is_escaped(found) or len(found["dots"]) <= len(at):
            return found[0]
        start = found[0][: found.start("dots") - found.start()]
        return start + ".".join(target(found, (*source, *at)))

    return REFERENCE.sub(written, value)
