"""What all watches have in common: a place on the client's stream, and a fresh start where history is gone."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from etcd_factory.core.call.retry import backoff
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Bound, F
from etcd_factory.core.op import Op
from etcd_factory.errors import ClientClosedError, CompactedError, DeadlineExceededError, FutureRevisionError
from etcd_factory.model.ranges import within

from .state import WatchOutput
from .stream import WatchStream

log = logging.getLogger("etcd_factory.watch")

GONE = (CompactedError, FutureRevisionError)  # what comes next is not to be had: compacted, or the store went back


class Subscription(Bound[F], ABC):
    """A watch of a range. What is done with what it hears is its heirs' part; nothing of that may wait.

    With ``renewing`` it reads its range afresh where what comes next is gone.
    """

    def __init__(self, view: View, fields: Mapping[str, Any], *, renewing: bool) -> None:
        self._run, self._fields, self._renewing = view, fields, renewing
        self._io, self._skip = view.client.io, len(view.namespace)
        self._hub = self._io.keep("watch", partial(WatchStream, view.client))
        self._created = self._io.promise()
        self._confirmed = self._over = False
        self._error: Exception | None = None
        self._era = self._io.era
        self.id = 0

    # --- what heirs do

    @abstractmethod
    def _hear(self, events: tuple[Any, ...]) -> bool:
        """Etcd's events of one or more whole revisions; false ends the watch."""

    def _mark(self, revision: int) -> None:
        """All up to this revision has been heard."""

    def _stand(self, kind: str, error: Exception | None = None) -> None:
        """The watch is ``connecting``, ``connected``, or ``disconnected`` by an error."""

    def _end(self, error: Exception | None) -> None:
        """It is over, by this error."""

    def _renew(self, reply: Any) -> None:
        """The whole range, read afresh; what changes next is heard."""

    # --- beginning and ending

    async def open(self, start: int) -> None:
        """Begin, and wait until the server has confirmed it."""
        try:
            await self._begin(start)
            refused = await self._created.wait(self._run.timeout)
            if refused is not None:
                raise refused
        except DeadlineExceededError as error:
            await self.leave()
            known = self._error or self._hub.error
            raise known or error from known
        except BaseException:
            await self.leave()
            raise

    async def _begin(self, start: int) -> None:
        key, end = within(self._run.namespace, self._fields["key"], self._fields["range_end"])
        fields = {**self._fields, "key": key, "range_end": end, "progress_notify": True}
        if self._renewing:  # which keys went can only be told by one who has seen both kinds
            fields["filters"] = []
        self.id = await self._hub.add(self, fields, start)
        if self._over:  # ended by another thread meanwhile
            await self._hub.remove(self.id)
            self._confirm(None)  # nobody will: who waits for it goes on to the end

    async def read(self, **fields: Any) -> Any:
        """Etcd's own answer to a read of the range, all of one revision; begun anew if that is compacted meanwhile."""
        while True:
            with suppress(CompactedError):
                return await self._run.execute(
                    Op("get", {**self._range(), **fields}, lambda reply, _: reply, paged=True)
                )

    def _range(self) -> Mapping[str, Any]:
        return {"key": self._fields["key"], "range_end": self._fields["range_end"]}

    async def leave(self) -> None:
        """End it."""
        self._over = True
        await self._hub.remove(self.id)

    # --- what the hub tells; nothing here waits

    def tell(self, out: WatchOutput) -> bool:
        """Something for this watch; false ends it."""
        return bool(getattr(self, f"_tell_{out.kind}")(out))

    def state(self, kind: str, error: Exception | None = None) -> None:
        """The stream is ``connecting``, or ``disconnected`` by an error."""
        self._error = error or self._error
        self._stand(kind, error)

    def _tell_created(self, out: WatchOutput) -> bool:
        del out
        self._confirm(None)
        self._stand("connected")
        return True

    def _tell_events(self, out: WatchOutput) -> bool:
        return self._hear(out.events)

    def _tell_progress(self, out: WatchOutput) -> bool:
        self._mark(out.revision)
        return True

    def _tell_error(self, out: WatchOutput) -> bool:
        if self._lasts(out.error):
            self._io.spawn(self._refresh(), "etcd_factory resync")
        else:
            self._fail(out.error)
        return True

    def _tell_closed(self, out: WatchOutput) -> bool:
        del out
        self._fail(ClientClosedError())
        return True

    def _lasts(self, error: Exception | None) -> bool:
        """Whether it goes on behind this error, with its range read afresh."""
        return self._renewing and isinstance(error, GONE)

    def _fail(self, error: Exception | None) -> None:
        self._confirm(error)
        self._end(error)

    def _confirm(self, refused: Exception | None) -> None:
        if not self._confirmed:
            self._confirmed = True
            self._created.set(refused)

    # --- after a compaction

    async def _refresh(self) -> None:
        client, failures = self._run.client, 0
        while not self._over:
            try:
                return await self._again()
            except ClientClosedError as error:
                return self._fail(error)
            except Exception as error:
                failures += 1
                log.info("reading a range afresh failed and is tried again: %s", error)
                await self._io.sleep(backoff(client.options.retry, failures, client.chance()))
        return None

    async def _again(self) -> None:
        """Read the range afresh, and go on behind it."""
        reply = await self.read()
        if not self._over:
            self._renew(reply)
            await self._begin(reply.header.revision + 1)
