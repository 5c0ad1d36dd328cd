"""Reading a factory's configuration again, and replacing clients while they are in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from attrs import evolve

from etcd_factory.core.arguments import seconds
from etcd_factory.core.bound import operation, prompt
from etcd_factory.core.face import F, Sync
from etcd_factory.core.handlers import checked
from etcd_factory.errors import ClientClosedError, ConfigError
from etcd_factory.options import ClientOptions
from etcd_factory.options.plan import FactoryPlan
from etcd_factory.options.services import ServiceDiscovery

from .config_watch import ConfigWatch
from .lifecycle import Lifecycle, log
from .names import CLOSED, Held
from .recipe import Recipe
from .reloaded import Reloaded

if TYPE_CHECKING:
    from etcd_factory.service import Service

S = TypeVar("S", bound="Service[Any]")
R = TypeVar("R")

Plan = FactoryPlan[ClientOptions]
NO_SOURCES = "this factory was made from options, not from sources; make it with {}.from_config(...) to reload it"


class Reloading(Lifecycle[F, S]):
    """A factory of etcd clients that follows its configuration.

    A client that is replaced or removed is closed once nobody uses it, at the latest with the factory: until then
    services that are held go on with it, as they were configured, and calls, watches, leases and registrations too.
    """

    _recipe: Recipe | None = None
    _watch: ConfigWatch | None = None
    _inherited: ConfigWatch | None = None  # of the parent of a forked child
    _registry: tuple[S, ServiceDiscovery, Any] | None = None
    _on_client: tuple[Callable[[str | None, S], object], ...] = ()

    def __init__(self, *args: Any) -> None:
        self._made_clients: WeakKeyDictionary[S, str | None] = WeakKeyDictionary()
        super().__init__(*args)

    def on_client(self, function: Callable[[str | None, S], object]) -> Callable[[], None]:
        """Call ``function(name, client)`` for each client of the factory: those there are, and later ones.

        A client that is not stored has the name None. So ``etcd.on_call`` reaches all, also those that a reload makes.
        Returns a function that ends it for later ones.
        """
        with self._guard:
            self._on_client = (*self._on_client, function)
            present = dict(self._made_clients)
        for client, name in present.items():
            function(name, client)

        def end() -> None:
            with self._guard:
                self._on_client = tuple(one for one in self._on_client if one is not function)

        return end

    def _hold(self, name: str | None, options: object, client: S | None) -> Held[S]:
        held = super()._hold(name, options, client)
        with self._guard:
            is_new = held.client not in self._made_clients
            self._made_clients.setdefault(held.client, name)
            functions = self._on_client if is_new else ()
        for function in functions:
            function(name, held.client)
        return held

    @operation
    async def reload(self) -> Reloaded:
        """Read the sources of ``from_config`` again, make the clients as they say now, and return what changed.

        ``get`` then returns the new clients. Clients whose options did not change are kept, and so are those made by
        ``create_instance`` or passed to ``add``. A client that was replaced or removed serves those who hold it, or
        anything made from it, and is closed once nobody does. Raises ``ConfigError`` listing every problem, or what
        making a client raises; nothing has changed then.
        """
        return await self._reload()

    @prompt
    def watch_config(self, interval: float = 5, on_reload: Callable[[Reloaded], object] | None = None) -> None:
        """Reload in the background whenever the files change, or a live configuration that is one of the sources.

        The files are looked at now and every ``interval`` seconds, and read once they have settled. What cannot be used
        is logged once, and tried again at the next change; the clients stay as they are. ``on_reload`` is called after
        each reload that changed clients; in asyncio it may be ``async``. It ends with ``close``; a second call
        replaces the first one.
        """
        self._open()
        handler = None if on_reload is None else checked(on_reload, self._runtime.face)
        self._runtime.scope()  # in asyncio only in an event loop
        self._begin_watch(interval_of(interval), handler)

    def _begin_watch(self, interval: float, handler: Callable[[Reloaded], object] | None) -> None:
        watch = ConfigWatch(self._runtime, self._sources(), self._reload, interval, handler)
        with self._guard:
            if self._closed:
                raise ClientClosedError(CLOSED)
            old, self._watch = self._watch, watch
        if old is not None:
            old.handler = handler  # of a reload that has begun: the new watch would find nothing changed
            old.stop()
        watch.begin()

    def _sources(self) -> Recipe:
        if self._recipe is None:
            raise ConfigError(NO_SOURCES.format(type(self).__name__))
        return self._recipe

    # --- reloading

    async def _reload(self) -> Reloaded:
        self._open()
        done = None
        while done is None:
            before = self._plan
            after = merged(before, await self._load(self._sources()))
            made = await self._make_all(self._to_make(before, after), concurrent=after.concurrent)
            done, unused = self._exchange(before, after, made)
            for held in unused:
                await self._discard(held)
            self._open()  # it may have been closed meanwhile
        log.info("reloaded the configuration: %s", done)
        return done

    async def _load(self, recipe: Recipe) -> Plan:
        return recipe.load(self.read_options) if self._runtime.face is Sync else await recipe.aload(self.read_options)

    def _to_make(self, before: Plan, after: Plan) -> dict[str, ClientOptions]:
        """Return the options of the clients to make; a client made at run time is not replaced."""
        different = {name: new for name, new in after.clients.items() if new is not before.clients.get(name)}
        kept = [held.name for held in self._held if held.name in different and not is_configured(held, before)]
        if kept:
            log.warning(
                "clients made at run time are kept, though others are configured: %s", ", ".join(map(str, kept))
            )
        return {name: new for name, new in different.items() if name not in kept}

    def _exchange(self, before: Plan, after: Plan, made: Iterable[Held[S]]) -> tuple[Reloaded | None, list[Held[S]]]:
        """Put the new clients in; returns what that changed, and those of them that have no place.

        Nothing changes if the factory was closed, or reloaded by another caller since ``before``.
        """
        with self._guard:
            if self._closed or self._plan is not before:
                return None, [*made]
            mine = {str(held.name): held for held in self._held if is_configured(held, before)}
            new: dict[str, Held[S]] = {
                str(held.name): held for held in made if held.name in mine or self._find(held.name) is None
            }
            gone = {name: held for name, held in mine.items() if name in new or name not in after.clients}
            self._held = [held for held in self._held if held not in gone.values()] + [*new.values()]
            self._left += map(self._released, gone.values())
            self._plan, self._options = after, after.options
            if self._registry is not None and any(held.client is self._registry[0] for held in gone.values()):
                self._registry = None  # what is held keeps its client open
        return difference(gone, new), [held for held in made if held not in new.values()]

    # --- clients that were replaced

    def _released(self, old: Held[S]) -> Held[S]:
        """Return what is left to close of a client, once nobody uses it."""
        from etcd_factory.service import released

        scopes, left = [self._runtime.scope()], list[Held[S]]()

        def unused() -> None:
            self._runtime.finalize(scopes, partial(self._end_unused, left[0]))

        left.append(evolve(old, client=released(old.client, unused)))
        return left[0]

    async def _end_unused(self, left: Held[S]) -> None:
        """Close a client that nobody holds, unless what it does would be lost: that ends with the factory."""
        from etcd_factory.service import is_needed

        with self._guard:
            is_mine = left in self._left and not is_needed(left.client)
            if is_mine:
                self._left.remove(left)
        if is_mine:
            await self._retire(left)

    # --- the end, and forks

    async def _end(self) -> None:
        with self._guard:
            self._closed = True
            watch, self._watch = self._watch, None
        if watch is not None:
            await watch.end()
        await super()._end()

    def forget(self) -> object:
        """Watch the files again at the first use in a forked child, if its parent does."""
        left = super().forget(), self._watch
        self._inherited, self._watch = self._watch or self._inherited, None
        return left

    def _open(self) -> None:
        super()._open()
        if self._inherited is not None:
            self._watch_again()

    def _watch_again(self) -> None:
        try:
            self._runtime.scope()
        except RuntimeError:  # no event loop runs yet
            return
        with self._guard:
            inherited, self._inherited = self._inherited, None
        if inherited is not None:
            self._begin_watch(inherited.interval, inherited.handler)

    # --- what is built on a client

    def _registry_of(self, make: Callable[[S, ServiceDiscovery], R]) -> R:
        """Return the registry, the same one until its client or its options are others."""
        chosen = self._options.service_discovery
        etcd = self.get(chosen.client)
        if self._registry is None or self._registry[:2] != (etcd, chosen):
            self._registry = etcd, chosen, make(etcd, chosen)
        made: R = self._registry[2]
        return made


def interval_of(value: float) -> float:
    """Return the seconds between two looks; 0 would never pause."""
    found = seconds(value, "an interval")
    if not found:
        raise ValueError("an interval must be greater than 0")
    return found


def is_configured(held: Held[Any], plan: Plan) -> bool:
    """Whether a client was made because the configuration says so, and not at run time."""
    return held.name is not None and held.options is plan.clients.get(held.name)


def merged(before: Plan, after: Plan) -> Plan:
    """Return the new plan with the very options of clients that it does not change."""
    clients = {
        name: before.clients[name] if before.clients.get(name) == new else new for name, new in after.clients.items()
    }
    return evolve(after, clients=clients)


def difference(gone: Mapping[str, object], new: Mapping[str, object]) -> Reloaded:
    """Return what is different, from the clients that are gone and those that are new."""
    return Reloaded(
        tuple(name for name in new if name not in gone),
        tuple(name for name in new if name in gone),
        tuple(name for name in gone if name not in new),
    )
