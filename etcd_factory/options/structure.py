"""From a mapping to an options class, with every fault of it in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar

import attrs

from etcd_factory.errors import ConfigError, Fault, suggestion

from .fields import mapping
from .kinds import is_mapping
from .names import canonical

T = TypeVar("T")

# An options class lists in CHECKS what must hold between its options: the options that a rule reads, and a function
# from an instance to what is wrong, or "".
# INSIDE has, for names that belong to options below this one, how they are written.
Checks = tuple[tuple[frozenset[str], Callable[[Any], str]], ...]


def structure(cls: type[T], given: Mapping[Any, Any]) -> T:
    """An instance of ``cls``; all that is wrong with ``given`` is in one ``ConfigError``, with key paths."""
    known = {field.name: field for field in attrs.fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    bad: dict[str, tuple[Fault, ...]] = {}
    for key, value in given.items():
        try:
            name = place(cls, str(key), known, values)
            if value is not None:  # null takes away what a lower layer gave
                values[name] = known[name].metadata.get("read", known[name].converter)(value)
        except ConfigError as error:
            bad[canonical(str(key))] = below(str(key), error.faults)
    draft = SimpleNamespace(**{name: field.default for name, field in known.items()} | values)
    faults = [fault for found in bad.values() for fault in found] + conflicts(cls, draft, bad)
    if faults:
        raise ConfigError(*faults)
    return cls(**values)


def named(_: type[Any], fields: list[Any]) -> list[Any]:
    """For ``field_transformer``: errors of a class made by hand name the option, as those of a mapping do."""
    return [field.evolve(converter=naming(field), metadata={"read": field.converter}) for field in fields]


def naming(field: Any) -> Callable[[Any], Any]:
    """The field's converter, its faults below the field's name."""
    read = field.converter

    def convert(value: Any) -> Any:
        try:
            return read(value)
        except ConfigError as error:
            raise ConfigError(*below(field.name, error.faults)) from None

    return convert


def place(cls: type[Any], key: str, known: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """The option that ``key`` means."""
    name = canonical(key)
    if name not in known:
        inside = getattr(cls, "INSIDE", {}).get(name)
        raise ConfigError(f"unknown option; write {inside}" if inside else f"unknown option{suggestion(name, known)}")
    if name in values:
        raise ConfigError(f"given twice, under two names of {name!r}; keep one")
    return name


def below(key: str, faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """The faults with ``key`` before their paths."""
    return tuple(attrs.evolve(f, path=f"{key}.{f.path}" if f.path else key) for f in faults)


def conflicts(cls: type[Any], options: Any, bad: Iterable[str] = ()) -> list[Fault]:
    """What is wrong between options; a rule that would read a bad one is left out."""
    rules: Checks = getattr(cls, "CHECKS", ())
    messages = (rule(options) for fields, rule in rules if fields.isdisjoint(bad))
    return [Fault("", "", message) for message in messages if message]


def agree(options: object) -> None:
    """For ``__attrs_post_init__``: raise what is wrong between options."""
    faults = conflicts(type(options), options)
    if faults:
        raise ConfigError(*faults)


def nested(cls: type[T], value: Any) -> T:
    """Options below options, from an instance or a mapping of its shape."""
    return value if isinstance(value, cls) else structure(cls, mapping(value))


def overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` over ``base``, whatever spelling each uses: mappings merge, the rest is replaced. Inputs stay."""
    names = {canonical(str(key)) for key in over}
    under = {canonical(str(key)): value for key, value in base.items()}
    merged = {key: value for key, value in base.items() if canonical(str(key)) not in names}
    for key, value in over.items():
        old = under.get(canonical(str(key)))
        merged[key] = overlay(old, value) if is_mapping(old) and is_mapping(value) else value
    return merged
