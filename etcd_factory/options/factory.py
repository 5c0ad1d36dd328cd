"""The options of a factory: many clients, what they share, and which of them counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs
from attrs import field, frozen
from omegaconf import DictConfig

from etcd_factory.errors import ConfigError, Fault

from . import fields
from .client import ClientOptions, chosen
from .kinds import is_mapping
from .resolve import plain
from .services import ConfigCenterOptions, ServiceDiscovery
from .structure import below, named, nested, overlay, structure

T = TypeVar("T")

Given = ClientOptions | Mapping[str, Any]
Origin = Callable[[tuple[str, ...]], str]
Reader = Callable[[Mapping[str, Any]], Any]

PRIORITIES = ("high", "medium", "low")
DEFAULT = "default"
ABSENT: Any = object()


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
    """Clients' priorities by name; null means the usual one."""
    return each(priority, {name: word for name, word in fields.mapping(value).items() if word is not None})


def discovery_of(value: Any) -> ServiceDiscovery:
    """``{client, namespace, ttl, load_balancer, service_options}``."""
    return nested(ServiceDiscovery, value)


def centre_of(value: Any) -> ConfigCenterOptions:
    """``{client, prefix, fallback}``."""
    return nested(ConfigCenterOptions, value)


def outline(value: Any) -> str:
    """What a mapping with secrets looks like in a ``repr``: its names."""
    return repr(sorted(value or ()))


@frozen(field_transformer=named)
class FactoryOptions:
    """What a factory is made from. The clients are mappings still: ``merged`` puts ``default`` under each."""

    default: dict[str, Any] = field(factory=dict[str, Any], converter=given, repr=outline)
    client: dict[str, Any] | None = field(default=None, converter=given_or_none, repr=outline)
    clients: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]], converter=clients_of, repr=outline)
    default_client_name: str | None = field(default=None, converter=fields.name)
    client_priority: dict[str, str] = field(factory=dict[str, str], converter=priorities_of)
    service_discovery: ServiceDiscovery = field(factory=ServiceDiscovery, converter=discovery_of)
    config_center: ConfigCenterOptions = field(factory=ConfigCenterOptions, converter=centre_of)

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
        base, _ = plain(self.default)  # a copy: what a client does to its options reaches no other
        return overlay(base, given(values))

    @classmethod
    def of(
        cls, config: Any, read: Reader = dict, origin: Origin | None = None, path: str | None = None
    ) -> FactoryOptions:
        """Options from ``FactoryOptions``, a mapping or an OmegaConf tree, each client of it tried with ``read``.

        Raises ``ConfigError`` with all faults. ``path`` is where the configuration stands in a larger one, and
        ``origin`` tells the file in which a key path was written.
        """
        values, unresolved = plain({} if config is None else config)
        made, unread = (values, ()) if isinstance(values, cls) else partly(cls, values)
        found = [*unread, *made.faults(read)]
        faults = [*unresolved, *(fault for fault in found if not caused(fault, unresolved))]
        if faults:
            root = path_of(config) if path is None else path
            raise ConfigError(*dict.fromkeys(placed(fault, root, origin) for fault in faults))
        return made

    def faults(self, read: Reader) -> list[Fault]:
        """What is wrong with the clients, each fault at the place where it was written."""
        found = [fault for fault in tried(read, self.default) if is_leaf(self.default, fault.path)]
        found = list(below(DEFAULT, found))
        for name, options in self.named.items():
            found += (self.traced(fault, name) for fault in tried(read, self.merged(options)))
        return found

    def traced(self, fault: Fault, name: str) -> Fault:
        """A fault of one client, put below ``default``, ``client`` or ``clients.<name>``."""
        places = {f"clients.{name}": self.clients.get(name, {}), DEFAULT: self.default}
        if name == DEFAULT and self.client is not None:
            places = {"client": self.client, **places}
        holder = next(
            (place for place, options in places.items() if entry(options, fault.path) is not ABSENT), next(iter(places))
        )
        return below(holder, [fault])[0]


def tried(read: Reader, options: Mapping[str, Any]) -> tuple[Fault, ...]:
    """What ``read`` finds wrong with a client's mapping."""
    try:
        read(options)
    except ConfigError as error:
        return error.faults
    return ()


def entry(options: Mapping[str, Any], path: str) -> Any:
    """What the key path leads to in the mapping, ``ABSENT`` if it leads nowhere."""
    value: Any = options
    for key in path.split("."):
        value = value[key] if is_mapping(value) and key in value else ABSENT
    return value


def is_leaf(options: Mapping[str, Any], path: str) -> bool:
    """Whether a single value stands there: what is wrong with it is wrong whatever is merged beside it."""
    found = entry(options, path)
    return found is not ABSENT and not is_mapping(found)


def partly(cls: type[FactoryOptions], values: Any) -> tuple[FactoryOptions, tuple[Fault, ...]]:
    """The options as far as they can be read, so that what is below a good entry is checked too, and the faults."""
    try:
        return structure(cls, fields.mapping(values)), ()
    except ConfigError as error:
        return structure(cls, without(values, error.faults)), error.faults


def without(values: Any, faults: Iterable[Fault]) -> dict[str, Any]:
    """The mapping without the entries at fault, of ``clients`` and the like only those below them."""
    if not is_mapping(values):
        return {}
    kept = dict(values)
    for fault in faults:
        key, _, below = fault.path.partition(".")
        if below and is_mapping(kept.get(key)):
            kept[key] = {name: inner for name, inner in kept[key].items() if name != below.split(".")[0]}
        else:
            kept.pop(key, None)
    return kept


def caused(fault: Fault, unresolved: Iterable[Fault]) -> bool:
    """Whether a fault is there only since something at or below its place could not be resolved."""
    return any(f"{other.path}.".startswith(f"{fault.path}.") for other in unresolved)


def path_of(config: Any) -> str:
    """Where an OmegaConf tree stands in its root."""
    return str(config._get_full_key("")) if isinstance(config, DictConfig) else ""  # pyright: ignore[reportPrivateUsage]


def placed(fault: Fault, root: str, origin: Origin | None) -> Fault:
    """A fault with its full key path, and its file where that is known."""
    (whole,) = below(root, [fault]) if root else (fault,)
    return attrs.evolve(whole, file=origin(tuple(whole.path.split("."))) if origin else "")
