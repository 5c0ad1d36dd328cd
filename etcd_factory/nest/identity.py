"""Which modules are one: equal calls share (``"value"``, the default), or only the very same object (``"reference"``).

A value's fingerprint equals another's if both mean the same. What has an equality of its own keeps it; functions are
compared by their code, their globals and what they carry; anything else is itself only.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, get_args

import attrs
from attrs import frozen
from omegaconf import DictConfig, ListConfig, OmegaConf

from etcd_factory.errors import suggestion

from .errors import DeclarationError
from .modules import DynamicModule

Identity = Literal["value", "reference"]
Read = Callable[[Any], Hashable]

EMPTY_CELL = "a cell that is not filled yet"


@frozen(eq=False)
class Itself:
    """Stands for one object; keeping it keeps its ``id`` from being used again."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def fingerprint(value: Any, above: tuple[int, ...] = ()) -> Hashable:
    """What two values have in common if they mean the same. ``above`` are those that it is a part of."""
    if id(value) in above:
        return ("above", above.index(id(value)))
    read = partial(fingerprint, above=(*above, id(value)))
    reader = next((reader for fits, reader in READERS if fits(value)), by_itself)
    return (kind(value), reader(value, read))


def kind(value: object) -> Any:
    """The class of a value."""
    return type(value)


def by_itself(value: Any, _: Read) -> Hashable:
    """What can be hashed has an equality that it can be known by; of the rest each is only itself."""
    try:
        hash(value)
    except Exception:  # a __hash__ may raise whatever it likes
        return Itself(value)
    known: Hashable = value
    return known


def by_entry(value: Mapping[Any, Any], read: Read) -> Hashable:
    """A mapping is its entries, in any order."""
    return frozenset((read(key), read(inner)) for key, inner in value.items())


def by_tree(value: Any, read: Read) -> Hashable:
    """An OmegaConf tree is what was written."""
    return read(OmegaConf.to_container(value, resolve=False))


def in_order(value: Iterable[Any], read: Read) -> Hashable:
    """A list is its items."""
    return tuple(read(item) for item in value)


def unordered(value: Iterable[Any], read: Read) -> Hashable:
    """A set is its items, in any order."""
    return frozenset(read(item) for item in value)


def by_code(value: types.FunctionType, read: Read) -> Hashable:
    """A function is its code in its module, with what it carries; equal text alone is not enough."""
    cells = tuple(contents(cell) for cell in value.__closure__ or ())
    named = value.__kwdefaults__ or {}
    carried = (*cells, *(value.__defaults__ or ()), *named.values())
    fixed = (value.__code__, Itself(value.__globals__), read(value.__annotations__), tuple(named))
    return (*fixed, *(by_nature(one, read) for one in carried))


def by_nature(value: Any, read: Read) -> Hashable:
    """What a function carries and can change is itself only: two functions that fill two lists are two."""
    return Itself(value) if kind(value).__hash__ is None else read(value)


def contents(cell: types.CellType) -> Any:
    """What a function closes over."""
    try:
        return cell.cell_contents
    except ValueError:
        return EMPTY_CELL


def by_method(value: types.MethodType, read: Read) -> Hashable:
    """A bound method is its function and its object."""
    return (read(value.__func__), by_nature(value.__self__, read))


def by_partial(value: partial[Any], read: Read) -> Hashable:
    """A partial function is its function and what is filled in."""
    carried = (*value.args, *value.keywords.values())
    return (read(value.func), tuple(value.keywords), *(by_nature(one, read) for one in carried))


def by_field(value: Any, read: Read) -> Hashable:
    """A value with fields is those that count for its equality."""
    cls = kind(value)
    if attrs.has(cls):
        counted = [field.name for field in attrs.fields(cls) if field.eq]
    else:
        counted = [field.name for field in dataclasses.fields(value) if field.compare]
    return tuple(read(getattr(value, name)) for name in counted)


def has_fields(value: Any) -> bool:
    """Whether it is an instance of an attrs class or a dataclass that compares by fields."""
    cls = kind(value)
    return (attrs.has(cls) or dataclasses.is_dataclass(cls)) and cls.__eq__ is not object.__eq__


def of_type(*kinds: type[Any]) -> Callable[[Any], bool]:
    """Whether a value is one of these."""
    return lambda value: isinstance(value, kinds)


READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Read], Hashable]], ...] = (
    (of_type(types.FunctionType), by_code),
    (of_type(types.MethodType), by_method),
    (of_type(partial), by_partial),
    (of_type(list, tuple), in_order),
    (of_type(set, frozenset), unordered),
    (of_type(dict, types.MappingProxyType), by_entry),
    (of_type(DictConfig, ListConfig), by_tree),
    (has_fields, by_field),
)


class Keys:
    """Which of the modules of one application are the same: those with equal keys."""

    def __init__(self, identity: Identity = "value") -> None:
        known = get_args(Identity)
        if identity not in known:
            text = f"identity is one of {', '.join(known)}, not {identity!r}{suggestion(str(identity), known)}"
            raise DeclarationError(text)
        self._by_value = identity == "value"
        self._keys: dict[Itself, Hashable] = {}
        self._numbers: dict[Hashable, int] = {}

    def key(self, module: type[Any] | DynamicModule) -> Hashable:
        """The key of a module. The modules that it imports get theirs first, without recursion."""
        if not isinstance(module, DynamicModule):
            return Itself(module)
        waiting = [module]
        while waiting:
            last = waiting[-1]
            inner = [one for one in last.imports if isinstance(one, DynamicModule) and Itself(one) not in self._keys]
            if self._by_value and not last.is_transient and inner:
                waiting += inner
            else:
                self._keys[Itself(waiting.pop())] = self._number(last)
        return self._keys[Itself(module)]

    def forward(self, later: Callable[[], Any]) -> Hashable:
        """The key of a function in ``imports``, that gives a module when it is called."""
        return fingerprint(later) if self._by_value else Itself(later)

    def _number(self, module: DynamicModule) -> Hashable:
        if not self._by_value or module.is_transient:
            return Itself(module)
        imports = tuple(self._keys.get(Itself(one)) or fingerprint(one) for one in module.imports)
        rest = fingerprint((module.module, module.providers, module.exports, module.is_global, module.name))
        return self._numbers.setdefault((imports, rest), len(self._numbers) + 1)
