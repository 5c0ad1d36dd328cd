"""What is to be watched: a builder, each modifier giving a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field
from typing_extensions import Self

from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F, opener
from etcd_factory.core.kv.ranges import RangeModifiers
from etcd_factory.core.op import Text, number, raw
from etcd_factory.model.ranges import ALL, Span

from .watcher import BUFFER, Handlers, Watcher, kind_of

FILTERS = {"put": "NODELETE", "delete": "NOPUT"}  # etcd is told what not to send


@define(eq=False)
class Watch(RangeModifiers, Bound[F]):
    """What is to be watched, by default every key of the namespace; ``create()`` begins."""

    _run: View
    _fields: Mapping[str, Any] = field(factory=lambda: {"key": ALL[0], "range_end": ALL[1]})
    _start: int = 0
    _progress: bool = False
    _resync: bool = False
    _handlers: Mapping[str, tuple[Callable[..., Any], ...]] = field(factory=dict[str, Any])

    def _within(self, span: Span) -> Self:
        return evolve(self, fields={**self._fields, "key": span[0], "range_end": span[1]})

    def key(self, key: Text) -> Self:
        """One key."""
        return self._within((raw(key), b""))

    def start_revision(self, revision: int) -> Self:
        """Begin with the changes of this revision; without it with those to come."""
        return evolve(self, start=number(revision, "a revision"))

    def previous(self) -> Self:
        """Tell with each event what stood there."""
        return evolve(self, fields={**self._fields, "prev_kv": True})

    def only(self, kind: str) -> Self:
        """Only ``put`` or only ``delete`` events."""
        if kind not in FILTERS:
            raise ValueError(f"only 'put' or 'delete', not {kind!r}")
        return evolve(self, fields={**self._fields, "filters": [FILTERS[kind]]})

    def fragment(self) -> Self:
        """Let the server cut large answers, of more than 1.5 MB, into several messages, which are put together here.

        Without it a message may be of any size, which this client takes; a proxy on the way may not. The server is slow
        at cutting: 20,000 events that waited took it 2 s in place of 0.1 s.
        """
        return evolve(self, fields={**self._fields, "fragment": True})

    def progress(self) -> Self:
        """Also yield ``progress`` marks: all before their revision has been seen."""
        return evolve(self, progress=True)

    def resync(self) -> Self:
        """Where what is next has been compacted, read the range afresh in place of raising ``CompactedError``.

        Its keys come as ``put`` events marked ``resync``, and as ``delete`` those that went.
        """
        return evolve(self, resync=True)

    def on(self, kind: str, handler: Callable[..., Any]) -> Self:
        """Call ``handler`` from the very beginning; see ``Watcher.on``."""
        before: tuple[Callable[..., Any], ...] = self._handlers.get(kind_of(kind), ())
        return evolve(self, handlers={**self._handlers, kind: (*before, handler)})

    @opener
    async def create(self, *, buffer: int = BUFFER) -> Watcher[F]:
        """The running watch, once the server has confirmed it.

        Raises what the server refused. That the revision asked for has been compacted is told by iterating, or to
        ``error``. ``buffer`` is how many events may wait to be read; one more ends the watch with
        ``WatchOverflowError``.
        """
        if number(buffer, "a buffer") < 1:
            raise ValueError(f"a buffer holds at least 1 event, not {buffer}")
        handlers: Handlers = {kind: list(found) for kind, found in self._handlers.items()}
        watcher: Watcher[F] = Watcher(
            self._run, self._fields, buffer, handlers, progress=self._progress, resync=self._resync
        )
        await watcher.open(self._start)
        return watcher


class Watches(Bound[F]):
    """The part of a service that watches."""

    __slots__ = ()

    _run: View

    def watch(self) -> Watch[F]:
        """Watch keys: ``watch().prefix("p").create()``; without a modifier every key of the namespace."""
        return Watch(self._run)
