"""What to watch: a builder whose modifiers return a new builder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import define, evolve, field

from etcd_factory.compat import Self
from etcd_factory.core.arguments import Text, count, to_bytes
from etcd_factory.core.bound import Bound, opener
from etcd_factory.core.call.view import View
from etcd_factory.core.face import F
from etcd_factory.core.handlers import Handler, checked
from etcd_factory.core.kv.ranges import RangeModifiers
from etcd_factory.core.pending import Pending
from etcd_factory.errors import choice
from etcd_factory.model.ranges import ALL, KeyRange, describe

from .event_queue import BUFFER, EVENTS, Handlers, WatchEvent, buffer_size
from .watcher import Watcher

FILTERS = {"put": "NODELETE", "delete": "NOPUT"}  # etcd takes what not to send


@define(eq=False, repr=False)
class Watch(RangeModifiers, Pending, Bound[F]):
    """What to watch, by default every key of the namespace; ``create()`` begins."""

    _run: View
    _fields: Mapping[str, Any] = field(factory=lambda: {"key": ALL[0], "range_end": ALL[1]})
    _start: int = 0
    _progress: bool = False
    _resync: bool = False
    _own: bool = False
    _handlers: Mapping[str, tuple[Handler, ...]] = field(factory=dict[str, tuple[Handler, ...]])

    def __repr__(self) -> str:
        return f"<Watch {describe((self._fields['key'], self._fields['range_end']))} of {self._run}>"

    def _in_range(self, keys: KeyRange) -> Self:
        return evolve(self, fields={**self._fields, "key": keys[0], "range_end": keys[1]})

    def key(self, key: Text) -> Self:
        """Watch one key."""
        return self._in_range((to_bytes(key), b""))

    def start_revision(self, revision: int) -> Self:
        """Begin with the changes of this revision; the default is those to come."""
        return evolve(self, start=count(revision, "a revision"))

    def previous(self) -> Self:
        """Include with each event the key and value that it replaced."""
        return evolve(self, fields={**self._fields, "prev_kv": True})

    def only(self, kind: Literal["put", "delete"]) -> Self:
        """Deliver only ``put`` or only ``delete`` events."""
        return evolve(self, fields={**self._fields, "filters": [FILTERS[choice(kind, FILTERS, "kind of event")]]})

    def fragment(self) -> Self:
        """Let the server split responses of more than 1.5 MB into several messages, which are joined here.

        Without it a message may have any size, which this client accepts; a proxy in between may not. The server is
        slow at splitting: 20,000 waiting events took it 2 s instead of 0.1 s.
        """
        return evolve(self, fields={**self._fields, "fragment": True})

    def progress(self) -> Self:
        """Also yield ``progress`` marks: all events before their revision have been delivered."""
        return evolve(self, progress=True)

    def resync(self) -> Self:
        """Read the range again where the next events are compacted, instead of raising ``CompactedError``.

        Its keys come as ``put`` events marked ``resync``, those that are gone as ``delete``.
        """
        return evolve(self, resync=True)

    def own_stream(self) -> Self:
        """Give it a stream and a connection of its own: large watches hold up the others on the client's one."""
        return evolve(self, own=True)

    def on(self, event: WatchEvent, handler: Handler) -> Self:
        """Call ``handler`` from the first event on; see ``Watcher.on``."""
        choice(event, EVENTS, "event of a watch")
        checked(handler, self._run.face)
        before: tuple[Handler, ...] = self._handlers.get(event, ())
        return evolve(self, handlers={**self._handlers, event: (*before, handler)})

    @opener
    async def create(self, *, buffer: int = BUFFER) -> Watcher[F]:
        """Begin, and return the running watch once the server has confirmed it.

        Raises what the server refused. That the start revision is compacted is raised by iterating, or passed to
        ``error``. ``buffer`` is how many events may wait to be read; one more ends the watch with
        ``WatchOverflowError``.
        """
        size = buffer_size(buffer)
        handlers: Handlers = {event: list(found) for event, found in self._handlers.items()}
        watcher: Watcher[F] = Watcher(
            self._run, self._fields, size, handlers, progress=self._progress, resync=self._resync, own=self._own
        )
        await watcher.open(self._start)
        return watcher
