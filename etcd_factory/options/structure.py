"""From a mapping to an options class, reporting every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, get_type_hints

import attrs

from etcd_factory.errors import ConfigError, Fault, suggestion
from etcd_factory.errors.base import similar

from .fields import is_mapping, mapping
from .names import canonical
from .secret import MASK

T = TypeVar("T")

# An options class may define
#   CHECKS: rules between its options, each with the options that it reads, and a function from an instance and the
#           names of the options that are set, validly or not, to the message of the problem, or "";
#   INSIDE: for names that belong into a nested group of options, or that others use, how to write them;
#   CREDENTIALS: True if an unknown name may be a secret that was written in the wrong place;
#   ADVICE: for other names that are often tried, what to do instead.
Present = frozenset[str]
Checks = tuple[tuple[frozenset[str], Callable[[Any, Present], str]], ...]


def structure(cls: type[T], given: Mapping[Any, Any]) -> T:
    """Return an instance of ``cls``, each option converted once.

    Raises ``ConfigError`` with all faults of ``given``, each with the key path as it was written.
    """
    known = {field.name: field for field in attrs.fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    bad: dict[str, tuple[Fault, ...]] = {}
    for key, value in given.items():
        try:
            name = place(cls, str(key), known)
            if value is not None:  # null removes a value of a lower layer, and leaves it to another spelling
                check_once(name, values)
                values[name] = known[name].metadata.get("read", known[name].converter)(value)
        except ConfigError as error:
            bad[canonical(str(key))] = below(shown_key(cls, str(key)), error.faults)
    made = assemble(cls, values)
    faults = [fault for found in bad.values() for fault in found]
    spoiled = {*bad, *(near for name in bad for near in similar(name, known))}
    faults += conflicts(cls, made, frozenset((*values, *bad)), spoiled)
    if faults:
        raise ConfigError(*faults)
    return made


def assemble(cls: type[T], values: Mapping[str, Any]) -> T:
    """Return an instance of converted values and defaults, past ``__init__``, which would convert and check again."""
    made = object.__new__(cls)
    for field in attrs.fields(cls):  # type: ignore[arg-type]
        value = values[field.name] if field.name in values else default(field)
        object.__setattr__(made, field.name, value)
    return made


def default(field: Any) -> Any:
    """Return the default of an attrs field."""
    return field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]


def named(_: type[Any], fields: list[Any]) -> list[Any]:
    """A ``field_transformer`` that puts the option's name into the errors of its converter."""
    return [field.evolve(converter=naming(field), metadata={"read": field.converter}) for field in fields]


def naming(field: Any) -> Callable[[Any], Any]:
    """Return the field's converter, its faults below the field's name."""
    read = field.converter

    def convert(value: Any) -> Any:
        try:
            return read(value)
        except ConfigError as error:
            del value  # tools that report errors print local variables
            raise ConfigError(*below(field.name, error.faults)) from None

    convert.__annotations__ = get_type_hints(read)  # attrs copies them to ``__init__``
    return convert


def place(cls: type[Any], key: str, known: Mapping[str, Any]) -> str:
    """Return the name of the option that ``key`` spells."""
    name = canonical(key)
    if name not in known:
        raise ConfigError(f"unknown option{advice(cls, name) or suggestion(name, known)}")
    return name


def check_once(name: str, values: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` if an option has a value already."""
    if name in values:
        raise ConfigError(f"set twice, under two spellings of {name!r}; keep one")


def shown_key(cls: type[Any], key: str) -> str:
    """Return a key as errors show it: among credentials one that is not known, nor similar to one, may be a secret."""
    name, known = canonical(key), [field.name for field in attrs.fields(cls)]
    is_known = name in known or advice(cls, name) or suggestion(name, known)
    return key if is_known or not getattr(cls, "CREDENTIALS", False) else MASK


def advice(cls: type[Any], name: str) -> str:
    """Return what to do instead of setting an option that others have, or that belongs elsewhere."""
    inside: Mapping[str, str] = getattr(cls, "INSIDE", {})
    other: Mapping[str, str] = getattr(cls, "ADVICE", {})
    if name in inside:
        return f"; write {inside[name]}"
    return f"; {other[name]}" if name in other else ""


def below(key: str, faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Return the faults with ``key``, if any, before their paths."""
    return tuple(attrs.evolve(f, path=".".join(filter(None, (key, f.path)))) for f in faults)


def conflicts(cls: type[Any], options: Any, present: Present, bad: Iterable[str] = ()) -> list[Fault]:
    """Return the faults between options, skipping rules that would read a bad one."""
    rules: Checks = getattr(cls, "CHECKS", ())
    messages = (rule(options, present) for fields, rule in rules if fields.isdisjoint(bad))
    return [Fault("", "", message) for message in messages if message]


def agree(options: object) -> None:
    """An ``__attrs_post_init__`` that raises ``ConfigError`` if options contradict each other."""
    cls: Any = type(options)
    present = frozenset(field.name for field in attrs.fields(cls) if getattr(options, field.name) is not None)
    faults = conflicts(cls, options, present)
    if faults:
        raise ConfigError(*faults)


def nested(cls: type[T], value: object) -> T:
    """Return a group of options from an instance, or from a mapping of its options."""
    return value if isinstance(value, cls) else structure(cls, mapping(value))


def overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``over`` merged over ``base``, in any spelling: mappings merge, all else is replaced."""
    names = {canonical(str(key)) for key in over}
    under = {canonical(str(key)): value for key, value in base.items()}
    merged = {key: value for key, value in base.items() if canonical(str(key)) not in names}
    for key, value in over.items():
        old = under.get(canonical(str(key)))
        merged[key] = overlay(old, value) if is_mapping(old) and is_mapping(value) else value
    return merged
