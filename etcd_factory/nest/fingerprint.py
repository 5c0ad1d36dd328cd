"""Fingerprints of values: two values have equal fingerprints if they mean the same.

Values with an equality of their own keep it. Functions are compared by their code, their globals and what they carry.
Everything else equals only itself.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from functools import partial, singledispatch

import attrs
from attrs import frozen
from omegaconf import DictConfig, ListConfig, OmegaConf

Recurse = Callable[[object], Hashable]

EMPTY_CELL = "empty cell"


@frozen(eq=False)
class Reference:
    """Compares an object by identity. Keeps it alive, so that its ``id`` is not reused."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def fingerprint(value: object, parents: tuple[int, ...] = ()) -> Hashable:
    """Return a hashable key that is equal for values of equal meaning. ``parents`` are the ids of what contains it."""
    if id(value) in parents:
        return ("parent", parents.index(id(value)))
    recurse = partial(fingerprint, parents=(*parents, id(value)))
    return (type(value), content(value, recurse))


@singledispatch
def content(value: object, recurse: Recurse) -> Hashable:
    """Return what values of one class are compared by: their fields, else their own equality, else identity."""
    names = compared_fields(value)
    if names is not None:
        return tuple(recurse(getattr(value, name)) for name in names)
    if isinstance(value, Hashable):
        with suppress(Exception):  # a __hash__ may raise anything
            hash(value)
            return value
    return Reference(value)


def compared_fields(value: object) -> list[str] | None:
    """Return the fields that an attrs class or a dataclass compares by; None for other values."""
    cls = type(value)
    if cls.__eq__ is object.__eq__:
        return None
    if attrs.has(cls):
        return [field.name for field in attrs.fields(cls) if field.eq]
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls) if field.compare]
    return None


@content.register(dict)
@content.register(types.MappingProxyType)
def mapping_content(value: Mapping[object, object], recurse: Recurse) -> Hashable:
    """Compare a mapping by its entries, in any order."""
    return frozenset((recurse(key), recurse(inner)) for key, inner in value.items())


@content.register(list)
@content.register(tuple)
def sequence_content(value: Iterable[object], recurse: Recurse) -> Hashable:
    """Compare a list or a tuple by its items."""
    return tuple(recurse(item) for item in value)


@content.register(set)
@content.register(frozenset)
def set_content(value: Iterable[object], recurse: Recurse) -> Hashable:
    """Compare a set by its items, in any order."""
    return frozenset(recurse(item) for item in value)


@content.register(DictConfig)
@content.register(ListConfig)
def tree_content(value: DictConfig | ListConfig, recurse: Recurse) -> Hashable:
    """Compare an OmegaConf tree by what is written in it, interpolations unresolved."""
    return recurse(OmegaConf.to_container(value, resolve=False))


@content.register(types.FunctionType)
def function_content(value: types.FunctionType, recurse: Recurse) -> Hashable:
    """Compare a function by its code, its globals, its annotations and what it carries."""
    # Equal code is not enough: Nest 10 shares two closures of the same text, although they return different values.
    # Code objects compare equal across files too, hence the globals.
    cells = tuple(cell_content(cell) for cell in value.__closure__ or ())
    keywords = value.__kwdefaults__ or {}
    carried = (*cells, *(value.__defaults__ or ()), *keywords.values())
    fixed = (value.__code__, Reference(value.__globals__), recurse(value.__annotations__), tuple(keywords))
    return (*fixed, *(carried_content(one, recurse) for one in carried))


@content.register(types.MethodType)
def method_content(value: types.MethodType, recurse: Recurse) -> Hashable:
    """Compare a bound method by its function and its object."""
    return (recurse(value.__func__), carried_content(value.__self__, recurse))


@content.register(partial)
def partial_content(value: partial[object], recurse: Recurse) -> Hashable:
    """Compare a partial function by its function and its bound arguments."""
    carried = (*value.args, *value.keywords.values())
    return (recurse(value.func), tuple(value.keywords), *(carried_content(one, recurse) for one in carried))


def carried_content(value: object, recurse: Recurse) -> Hashable:
    """Compare what a function carries by identity if it is mutable: two functions that fill two lists differ."""
    return Reference(value) if type(value).__hash__ is None else recurse(value)


def cell_content(cell: types.CellType) -> object:
    """Return what a function closes over."""
    try:
        return cell.cell_contents
    except ValueError:  # the variable is not assigned yet
        return EMPTY_CELL
