"""What a client does, as the hooks of ``on_call`` see it. No key, value or secret is among what these values show."""

from __future__ import annotations

from typing import Any, Literal

from attrs import define, field, frozen

from etcd_factory.errors import Code

StreamName = Literal["watch", "lease"]
Status = Code | Literal["OK"]

KEYED = ("Range", "RangeStream", "Put", "DeleteRange")  # the methods whose requests have one key


@define(eq=False)  # made for each call, as ``Call`` is: frozen ones take three times as long
class Attempt:
    """One attempt of a call: the host that it went to, and when, in seconds after the call began.

    ``error`` is the class of what it failed with, None if it succeeded.
    """

    endpoint: str
    start: float
    duration: float
    code: Status = "OK"
    error: type[BaseException] | None = None


@define(eq=False)
class Call:
    """A call that has ended, after one or more attempts; ``duration`` is in seconds.

    Calls that were merged (option ``batching``) are one call, and so are all attempts of one. A streamed read or a
    snapshot counts until its first message.
    """

    service: str
    method: str
    attempts: tuple[Attempt, ...]
    duration: float
    code: Status = "OK"
    error: type[BaseException] | None = None
    _request: Any = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        """The host of the last attempt, empty if there was none."""
        return self.attempts[-1].endpoint if self.attempts else ""

    @property
    def retries(self) -> int:
        """How many attempts followed the first one."""
        return max(0, len(self.attempts) - 1)

    @property
    def key(self) -> bytes | None:
        """The key of a get, put or delete with its namespace, or where its range begins; None for other calls.

        Keys may be confidential: ``repr`` does not show it.
        """
        return self._request.key if self.method in KEYED else None


@frozen(eq=False)
class Connected:
    """A stream of the client works: its first response has come. ``again``: it was broken before."""

    stream: StreamName
    endpoint: str
    again: bool


@frozen(eq=False)
class Disconnected:
    """A stream of the client broke, or could not be opened, and will be opened again."""

    stream: StreamName
    endpoint: str
    error: type[BaseException] | None


@frozen(eq=False)
class Watching:
    """A watch is about to begin, where its user asked for it. ``watch`` is the same in its callbacks.

    If a hook returns a context manager, it is entered until the server has confirmed or refused the watch.
    """

    watch: object


@frozen(eq=False)
class Delivered:
    """Events of a watch are about to be read by the user, or passed to handlers.

    ``lag`` is how many seconds they have waited for that since they were received.
    """

    events: int
    lag: float


@frozen(eq=False)
class Callback:
    """The handlers of a watch are about to be called for events.

    If a hook returns a context manager, it is entered until they have returned, and left with what the first one of
    them raised.
    """

    watch: object
    events: int


@frozen(eq=False)
class LeaseRenewed:
    """A lease was renewed in the background, for ``ttl`` seconds."""

    lease: int
    ttl: int
    endpoint: str


@frozen(eq=False)
class LeaseLost:
    """A lease that was kept alive is gone: it expired, or was revoked elsewhere."""

    lease: int


Activity = Call | Connected | Disconnected | Watching | Delivered | Callback | LeaseRenewed | LeaseLost
