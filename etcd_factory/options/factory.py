"""The options of a factory: many clients, what they share, and which of them counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import field, frozen

from ..errors import ConfigError, Fault
from . import fields
from .client import ClientOptions, chosen
from .plain import plain
from .structure import below, optional, overlay, structure

Given = ClientOptions | Mapping[str, Any]
Origin = Callable[[tuple[str, ...]], str]
Reader = Callable[[Mapping[str, Any]], Any]

PRIORITIES = ("high", "medium", "low")
DEFAULT = "default"

priority = fields.choice(*PRIORITIES)


def given(value: Any) -> dict[str, Any]:
    """A client's options as a mapping, to be merged over what all clients share."""
    return chosen(value) if isinstance(value, ClientOptions) else dict(fields.mapping(value))


def each(read: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """A reader of a mapping from names to what ``read`` takes."""

    def all_of(value: Any) -> dict[str, Any]:
        values, faults = {}, []
        for name, inner in fields.mapping(value).items():
            try:
                values[name] = read({} if inner is None else inner)
            except ConfigError as error:
                faults += below(name, error.faults)
        if faults:
            raise ConfigError(*faults)
        return values

    return all_of


@frozen
class FactoryOptions:
    """What a factory is made from. The clients are mappings still: ``merged`` puts ``default`` under each."""

    default: dict[str, Any] = field(factory=dict, converter=given)
    client: dict[str, Any] | None = field(default=None, converter=optional(given))
    clients: dict[str, dict[str, Any]] = field(factory=dict, converter=each(given))
    default_client_name: str | None = field(default=None, converter=optional(fields.text))
    client_priority: dict[str, str] = field(factory=dict, converter=each(priority))

    @property
    def named(self) -> dict[str, dict[str, Any]]:
        """The mappings by name, ``client`` over ``clients.default``."""
        if self.client is None:
            return self.clients
        return {**self.clients, DEFAULT: overlay(self.clients.get(DEFAULT, {}), self.client)}

    def merged(self, options: Given | None = None) -> dict[str, Any]:
        """One client's options as a mapping, ``default`` under them."""
        values, faults = plain({} if options is None else options)
        if faults:
            raise ConfigError(*faults)
        return overlay(self.default, given(values))

    @classmethod
    def of(
        cls, config: FactoryOptions | Mapping[str, Any] | None, read: Reader = dict, origin: Origin | None = None
    ) -> FactoryOptions:
        """Options from a mapping or an OmegaConf tree, each client of it tried with ``read``.

        Raises ``ConfigError`` with all faults; ``origin`` tells the file in which a key path was written.
        """
        if isinstance(config, FactoryOptions):
            return config
        values, unresolved = plain({} if config is None else config)
        made, faults = partly(cls, fields.mapping(values))
        faults = [*unresolved, *faults, *made.faults(read)]
        if faults:
            raise ConfigError(*dict.fromkeys(placed(fault, config, origin) for fault in faults))
        return made

    def faults(self, read: Reader) -> list[Fault]:
        """What is wrong with the clients, each fault at the place where it was written."""
        found: list[Fault] = []
        for name, options in (self.named or {DEFAULT: {}}).items():
            try:
                read(self.merged(options))
            except ConfigError as error:
                found += (self.traced(fault, name) for fault in error.faults)
        return found

    def traced(self, fault: Fault, name: str) -> Fault:
        """A fault of one client, put below ``default``, ``client`` or ``clients.<name>``."""
        places = {f"clients.{name}": self.clients.get(name, {}), DEFAULT: self.default}
        if name == DEFAULT and self.client is not None:
            places = {"client": self.client, **places}
        holder = next((place for place, options in places.items() if holds(options, fault.path)), next(iter(places)))
        return below(holder, [fault])[0]


def holds(options: Mapping[str, Any], path: str) -> bool:
    """Whether the key path leads somewhere in the mapping."""
    value: Any = options
    for key in filter(None, path.split(".")):
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return bool(path)


def partly(cls: type[FactoryOptions], values: Mapping[str, Any]) -> tuple[FactoryOptions, tuple[Fault, ...]]:
    """The options as far as they can be read, so that what is below a good entry is checked too, and the faults."""
    try:
        return structure(cls, values), ()
    except ConfigError as error:
        bad = {fault.path.split(".")[0] for fault in error.faults}
        return structure(cls, {key: value for key, value in values.items() if key not in bad}), error.faults


def placed(fault: Fault, config: Any, origin: Origin | None) -> Fault:
    """A fault with its full key path, and its file where that is known."""
    full = getattr(config, "_get_full_key", lambda _: "")("")
    (whole,) = below(full, [fault]) if full else (fault,)
    return attrs.evolve(whole, file=origin(tuple(whole.path.split("."))) if origin else "")
