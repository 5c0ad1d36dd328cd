"""The options of a factory: many clients, what they share, and which of them counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
from attrs import field, frozen
from omegaconf import DictConfig

from etcd_factory.config.kinds import is_mapping
from etcd_factory.errors import ConfigError, Fault

from . import fields
from .client import ClientOptions, chosen
from .plain import plain
from .structure import below, overlay, structure

T = TypeVar("T")

Given = ClientOptions | Mapping[str, Any]
Origin = Callable[[tuple[str, ...]], str]
Reader = Callable[[Mapping[str, Any]], Any]

PRIORITIES = ("high", "medium", "low")
DEFAULT = "default"


def priority(value: Any) -> str:
    """How much a client matters."""
    return fields.choice(PRIORITIES, value)


def given(value: Any) -> dict[str, Any]:
    """A client's options as a mapping, to be merged over what all clients share."""
    return chosen(value) if isinstance(value, ClientOptions) else dict(fields.mapping({} if value is None else value))


def given_or_none(value: Any) -> dict[str, Any] | None:
    """The same, where none may be given."""
    return None if value is None else given(value)


def each(read: Callable[[Any], T], value: Any) -> dict[str, T]:
    """What ``read`` makes of each entry of a mapping."""
    values: dict[str, T] = {}
    faults: list[Fault] = []
    for name, inner in fields.mapping(value).items():
        try:
            values[name] = read(inner)
        except ConfigError as error:
            faults += below(name, error.faults)
    if faults:
        raise ConfigError(*faults)
    return values


def clients_of(value: Any) -> dict[str, dict[str, Any]]:
    """Clients' options by name."""
    return each(given, value)


def priorities_of(value: Any) -> dict[str, str]:
    """Clients' priorities by name."""
    return each(priority, value)


@frozen
class FactoryOptions:
    """What a factory is made from. The clients are mappings still: ``merged`` puts ``default`` under each."""

    default: dict[str, Any] = field(factory=dict[str, Any], converter=given)
    client: dict[str, Any] | None = field(default=None, converter=given_or_none)
    clients: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]], converter=clients_of)
    default_client_name: str | None = field(default=None, converter=fields.name)
    client_priority: dict[str, str] = field(factory=dict[str, str], converter=priorities_of)

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
        values, unresolved = plain({} if config is None else config)
        made, unread = (values, ()) if isinstance(values, cls) else partly(cls, fields.mapping(values))
        faults = [*unresolved, *unread, *made.faults(read)]
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
        if not is_mapping(value) or key not in value:
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
    full = str(config._get_full_key("")) if isinstance(config, DictConfig) else ""  # pyright: ignore[reportPrivateUsage]
    (whole,) = below(full, [fault]) if full else (fault,)
    return attrs.evolve(whole, file=origin(tuple(whole.path.split("."))) if origin else "")
