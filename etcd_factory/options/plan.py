"""What a factory starts from: its options, and the options of each configured client, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from attrs import evolve, field, frozen

from etcd_factory.errors import ConfigError, Fault, suggestion

from .client import ClientOptions, doubtful, log
from .factory import DEFAULT, FactoryOptions, FactoryOptionsLike, caused, outline, partly
from .fields import Values, is_mapping
from .resolve import path_of
from .secret import masked_options
from .structure import below

O = TypeVar("O")  # noqa: E741  # options of a client

Origin = Callable[[tuple[str, ...]], str]
Reader = Callable[[Values], O]

ABSENT = object()
SHOWN = 10  # clients that a warning lists


@frozen(eq=False)
class FactoryPlan(Generic[O]):
    """A factory's options, and by name what its ``read_options`` returned for each configured client.

    With ``concurrent`` the clients are made at once, not one after another.
    """

    options: FactoryOptions
    clients: Mapping[str, O] = field(repr=outline)
    concurrent: bool = False


def plan(
    given: FactoryOptionsLike | None, read: Reader[O], origin: Origin | None = None, path: str | None = None
) -> FactoryPlan[O]:
    """Read options from ``FactoryOptions``, a mapping or an OmegaConf tree, and each client's with ``read``.

    ``path`` is the key path of the options in a larger configuration; ``origin`` returns the file that set a key path.
    Raises ``ConfigError`` listing every problem, each with its key path and file.
    """
    given = masked_options(given)
    options, faults = partly(given)
    clients, found = read_clients(options, read)
    faults = (*faults, *(fault for fault in found if not caused(fault, faults)))
    root = path_of(given) if path is None else path
    if faults:
        raise ConfigError(*dict.fromkeys(placed(fault, root, origin) for fault in faults))
    warn(options, clients, root, origin)
    return FactoryPlan(options, clients)


def warn(options: FactoryOptions, clients: Mapping[str, object], root: str, origin: Origin | None) -> None:
    """Log what is probably wrong, each with the place that it was written in: see ``doubtful`` and ``unknown``."""
    left = (
        traced(options, fault, name)
        for name, made in clients.items()
        if isinstance(made, ClientOptions)
        for fault in doubtful(made)
    )
    for fault in dict.fromkeys(placed(fault, root, origin) for fault in (*left, *unknown(options))):
        log.warning("%s", fault)


def unknown(options: FactoryOptions) -> Iterator[Fault]:
    """Yield each name of a client that is not configured, though others are: it may be made at run time."""
    names = options.named
    if not names:
        return
    chosen = options.default_client_name
    places = {} if chosen is None else {"default_client_name": chosen}
    places |= {f"client_priority.{name}": name for name in options.client_priority}
    for place, name in places.items():
        if name not in names:
            clients = ", ".join([*names][:SHOWN]) + (", ..." if len(names) > SHOWN else "")
            yield Fault(
                "", place, f"no client {name!r} is configured{suggestion(name, names)}; the clients are: {clients}"
            )


def read_clients(options: FactoryOptions, read: Reader[O]) -> tuple[dict[str, O], list[Fault]]:
    """Read each client once; return the clients by name, and the faults where they were written."""
    clients: dict[str, O] = {}
    faults = default_faults(options, read)
    for name, values in options.named.items():
        try:
            clients[name] = read(options.merged(values))
        except ConfigError as error:
            faults += (traced(options, fault, name) for fault in error.faults)
    return clients, faults


def default_faults(options: FactoryOptions, read: Reader[O]) -> list[Fault]:
    """Return the faults of ``default``, read on its own: a client may replace the option at fault.

    Only the faults of single values: a group may become valid once a client is merged over it.
    """
    try:
        if options.default:
            read({**options.default})
    except ConfigError as error:
        return [*below(DEFAULT, (fault for fault in error.faults if is_leaf(options.default, fault.path)))]
    return []


def traced(options: FactoryOptions, fault: Fault, name: str) -> Fault:
    """Return a client's fault below the place that set the option: ``client``, ``clients.<name>`` or ``default``."""
    places: dict[str, Values] = {f"clients.{name}": options.clients.get(name, {}), DEFAULT: options.default}
    if name == DEFAULT and options.client is not None:
        places = {"client": options.client, **places}
    holders = (place for place, values in places.items() if entry(values, fault.path) is not ABSENT)
    return below(next(holders, next(iter(places))), [fault])[0]


def entry(options: Mapping[str, object], path: str) -> object:
    """Return the value at a key path, ``ABSENT`` if there is none."""
    value: object = options
    for key in path.split("."):
        value = value[key] if is_mapping(value) and key in value else ABSENT
    return value


def is_leaf(options: Mapping[str, object], path: str) -> bool:
    """Whether there is a single value at a key path: merging does not change it, except by replacing it."""
    found = entry(options, path)
    return found is not ABSENT and not is_mapping(found)


def placed(fault: Fault, root: str, origin: Origin | None) -> Fault:
    """Return a fault with its full key path, and its file if ``origin`` knows it."""
    (whole,) = below(root, [fault])
    return evolve(whole, file=origin(tuple(whole.path.split("."))) if origin else "")
