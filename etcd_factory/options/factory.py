"""The options of a factory: many clients, what they share, and how much each matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypedDict, TypeVar, get_args

import attrs
from attrs import field, frozen

from etcd_factory.errors import ConfigError, Fault

from . import fields
from .client import ClientOptions, ClientOptionsLike, misplaced, non_defaults
from .fields import Values, is_list, is_mapping
from .mappings import AnyMapping, ConfigCenterDict, Model, Priority, PriorityWord, ServiceDiscoveryDict
from .resolve import path_of, plain
from .secret import masked, masked_options
from .services import ConfigCenterOptions, ServiceDiscovery
from .structure import below, named, nested, overlay, structure
from .urls import unfolded

T = TypeVar("T")

DEFAULT = "default"
PRIORITIES: tuple[Priority, ...] = get_args(Priority)

Clients = Mapping[str, ClientOptionsLike | None]
Priorities = Mapping[str, PriorityWord | None]
DiscoveryLike = ServiceDiscovery | ServiceDiscoveryDict | AnyMapping | Model
CenterLike = ConfigCenterOptions | ConfigCenterDict | AnyMapping | Model


def priority(value: object) -> Priority:
    """Check a client's priority; Midway writes ``High``."""
    return fields.choice(value.lower() if isinstance(value, str) else value, PRIORITIES)


def client(value: ClientOptionsLike | None) -> Values:
    """Return a client's options as a mapping, to be merged over what all clients share; its ``repr`` has no secret."""
    if isinstance(value, ClientOptions):
        return non_defaults(value)
    options: object = {} if value is None else unfolded(value)
    if isinstance(options, str) or is_list(options):
        raise misplaced(options)
    found: Values = masked(fields.mapping(options))
    return found


def client_or_none(value: ClientOptionsLike | None) -> Values | None:
    """Return a client's options as a mapping, or None."""
    return None if value is None else client(value)


def each(read: Callable[[Any], T], value: object) -> dict[str, T]:
    """Return a mapping with ``read`` applied to each value, reporting every fault."""
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


def clients_of(value: Clients) -> dict[str, Values]:
    """Return the clients' options by name."""
    return each(client, value)


def priorities_of(value: Priorities) -> dict[str, Priority]:
    """Return the clients' priorities by name, omitting None, which means the default one."""
    return each(priority, {name: one for name, one in fields.mapping(value).items() if one is not None})


def discovery_of(value: DiscoveryLike) -> ServiceDiscovery:
    """Return ``{client, namespace, format, read, ttl, load_balancer, service_options}`` as ``ServiceDiscovery``."""
    return nested(ServiceDiscovery, value)


def center_of(value: CenterLike) -> ConfigCenterOptions:
    """Return ``{client, prefix, fallback}`` as ``ConfigCenterOptions``."""
    return nested(ConfigCenterOptions, value)


def outline(value: Mapping[str, object] | None) -> str:
    """Return a mapping with secrets as ``repr`` shows it: its names."""
    return repr(sorted(value or ()))


@frozen(field_transformer=named)
class FactoryOptions:
    """The options of a factory. The clients are mappings still: ``merged`` puts ``default`` under each.

    ``default``: merged under every client. ``client``: the client named ``default``; it wins over the one of that name
    in ``clients``. ``clients``: the options of each client, by its name. ``default_client_name``: what ``get()``
    returns, else the client ``default``, else the only one. ``client_priority``: how much each client matters to the
    factory's health, by its name: high, medium (the default) or low. ``service_discovery``: the options of
    ``factory.registry()``. ``config_center``: the options of ``factory.config_center()``. Raises ``ConfigError``
    listing every problem.
    """

    # Mappings have no hash: equal options have equal ones without them.
    default: Values = field(factory=Values, converter=client, repr=outline, hash=False)
    client: Values | None = field(default=None, converter=client_or_none, repr=outline, hash=False)
    clients: dict[str, Values] = field(factory=dict[str, Values], converter=clients_of, repr=outline, hash=False)
    default_client_name: str | None = field(default=None, converter=fields.name)
    client_priority: dict[str, Priority] = field(factory=dict[str, Priority], converter=priorities_of, hash=False)
    service_discovery: ServiceDiscovery = field(factory=ServiceDiscovery, converter=discovery_of)
    config_center: ConfigCenterOptions = field(factory=ConfigCenterOptions, converter=center_of)

    INSIDE: ClassVar[dict[str, str]] = {
        **{field.name: f"client: {{{field.name}: ...}}" for field in attrs.fields(ClientOptions)},
        **{name: f"client: {{{inside}}}" for name, inside in ClientOptions.INSIDE.items() if ": " in inside},
    }
    ADVICE: ClassVar[dict[str, str]] = {
        "etcd": "pass what is inside it: config['etcd'], or load_config(...).etcd",
        "instances": "write clients: {name: {hosts: ...}}",
        "tracing": "call instrument(factory) of etcd_factory.integrations.opentelemetry",  # Midway has it here
    }

    @property
    def named(self) -> dict[str, Values]:
        """The clients' mappings by name, ``client`` merged over ``clients.default``."""
        if self.client is None:
            return self.clients
        return {**self.clients, DEFAULT: overlay(self.clients.get(DEFAULT, {}), self.client)}

    def merged(self, options: ClientOptionsLike | None = None) -> Values:
        """Return one client's options as a mapping, ``default`` merged under them."""
        options = masked_options(options)
        values, faults = plain({} if options is None else options)
        if faults:
            raise ConfigError(*faults)
        base, _ = plain(self.default)  # a copy: what a client does to its options reaches no other
        return overlay(base, client(values))

    @classmethod
    def of(cls, given: FactoryOptionsLike | None = None) -> FactoryOptions:
        """Return options from an instance, a mapping or an OmegaConf tree; the clients' own options are not checked.

        Raises ``ConfigError`` listing every problem.
        """
        given = masked_options(given)
        made, faults = partly(given)
        if faults:
            raise ConfigError(*below(path_of(given), faults))
        return made


def partly(given: FactoryOptionsLike | None) -> tuple[FactoryOptions, tuple[Fault, ...]]:
    """Return the options as far as they can be read, and the faults of the rest."""
    given = masked_options(given)
    values, unresolved = plain({} if given is None else given)
    if isinstance(values, FactoryOptions):
        return values, ()
    try:
        return structure(FactoryOptions, fields.mapping(values)), unresolved
    except ConfigError as error:
        faults = (*unresolved, *(fault for fault in error.faults if not caused(fault, unresolved)))
        return structure(FactoryOptions, without(values, error.faults)), faults


def without(values: object, faults: Iterable[Fault]) -> Values:
    """Return the mapping without invalid entries; from nested ones like ``clients``, only inner ones go."""
    if not is_mapping(values):
        return {}
    kept = dict(values)
    for fault in faults:
        key, _, inside = fault.path.partition(".")
        if inside and is_mapping(kept.get(key)):
            kept[key] = {name: inner for name, inner in kept[key].items() if name != inside.split(".")[0]}
        else:
            kept.pop(key, None)
    return kept


def caused(fault: Fault, unresolved: Iterable[Fault]) -> bool:
    """Whether a fault is there only because something at or below its place could not be resolved."""
    return any(f"{other.path}.".startswith(f"{fault.path}.") for other in unresolved)


class FactoryOptionsDict(TypedDict, total=False):
    """``FactoryOptions`` as a mapping."""

    default: ClientOptionsLike | None
    client: ClientOptionsLike | None
    clients: Clients | None
    default_client_name: str | None
    defaultClientName: str | None
    client_priority: Priorities | None
    clientPriority: Priorities | None
    priority: Priorities | None
    service_discovery: DiscoveryLike | None
    serviceDiscovery: DiscoveryLike | None
    config_center: CenterLike | None
    configCenter: CenterLike | None


FactoryOptionsLike = FactoryOptions | FactoryOptionsDict | AnyMapping | Model
