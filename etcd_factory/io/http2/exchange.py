"""A gRPC stream of messages in both directions, as far as it is the same on asyncio and on threads."""

from __future__ import annotations

from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from etcd_factory.core.ports import Prepare, Q, R
from etcd_factory.wire.methods import Method

from .calls import PREFIX_SIZE, Call, framed
from .keepalive import Liveness

TOGETHER = 16  # messages that are kept at once for who sits at a stream
SILENCE = 0.5  # seconds without a response on a stream that is closed, after which its connection is doubted

C = TypeVar("C", bound=Call)
C_contra = TypeVar("C_contra", bound=Call, contravariant=True)


class Carrier(Protocol[C_contra]):
    """The connection that a call is on: an ``H2Protocol`` or a ``Line``."""

    liveness: Liveness

    def send(self, call: C_contra, data: bytes) -> Any:
        """Send more of a call."""

    def taken(self, call: C_contra, size: int) -> Any:
        """So much of a stream was read: the server may send more."""

    def doubt(self, since: float) -> Any:
        """Look soon whether the server is alive, if nothing was heard since then."""

    def cancel(self, call: C_contra) -> Any:
        """End a call here."""


class Exchange(Generic[C, Q, R]):
    """Sends messages, and takes those that have arrived; a driver adds how to wait for them."""

    def __init__(self, carrier: Carrier[C], call: C, method: Method[Q, R], host: str) -> None:
        self._carrier, self._call, self._method, self._host = carrier, call, method, host
        self._asked = 0.0  # since when a message waits for something to be heard

    def send(self, message: Q) -> None:
        """Queue a message; etcd answers each."""
        if self._asked <= self._carrier.liveness.heard:
            self._asked = monotonic()
        self._carrier.send(self._call, framed(self._method.serialize(message)))

    def take(self) -> R | None:
        """Return the next message that has arrived, None at the end of the stream; raises the error that ended it."""
        call = self._call
        if not call.messages:
            if call.error is not None:
                raise call.error
            return None
        data = call.messages.popleft()
        self._carrier.taken(call, PREFIX_SIZE + len(data))
        return self._method.decode(data, self._host)

    def keep(self, prepare: Prepare[R]) -> bool | None:
        """Keep the next message for who sits here: returns whether that is news for it, None if it is for ``receive``.

        An interrupt loses none: until it is kept the message stays where it is.
        """
        call, data = self._call, self._call.messages[0]
        try:
            keep = prepare(self._method.decode(data, self._host))
        except Exception:  # a malformed one, of which ``receive`` tells
            return None
        if keep is None:
            return None
        self._carrier.taken(call, PREFIX_SIZE + len(data))  # first: an interrupt may let the server send too much
        return keep(call.messages.popleft)

    def end(self) -> None:
        """End the stream; its connection is doubted if nothing was heard on it for a while, though asked."""
        if self._asked and monotonic() - self._asked > SILENCE:
            self._carrier.doubt(self._asked)
        self._carrier.cancel(self._call)
