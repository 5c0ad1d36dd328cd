"""The steps of a scripted transport, the calls that they answer, and which step answers which call."""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import field, frozen
from google.protobuf.message import Message
from typing_extensions import TypeIs

from etcd_factory.errors import suggestion
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

from .scripted_stream import End, StreamScript

if TYPE_CHECKING:
    from etcd_factory.core.ports import Metadata
    from etcd_factory.wire.messages import Message as Reply

    Answer: TypeAlias = "Reply | Exception | type[Exception] | StreamScript[Any, Any] | NoReply"
    Step: TypeAlias = "Answer | Callable[[Call], Answer | Awaitable[Answer]]"
    Steps: TypeAlias = "Step | Sequence[Step] | Mapping[str, Step | Sequence[Step]]"

METHODS: dict[str, Method[Any, Any]] = {
    method.name: method for method in vars(methods).values() if isinstance(method, Method)
}
SECRETS = ("password", "hashedPassword", "token")
ANY_METHOD = ""

SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 60


class ScriptError(AssertionError):
    """A client made a call that its script does not expect, or the script was not used up.

    Not an ``EtcdFactoryError``: neither retries nor the code under test may take it for a failure of etcd.
    """


class NoReply(Enum):
    """The type of ``NO_REPLY``."""

    NO_REPLY = "no reply"

    def __repr__(self) -> str:
        return "NO_REPLY"


NO_REPLY = NoReply.NO_REPLY
"""A step: the server never replies. Raises ``DeadlineExceededError`` without waiting for the timeout to pass."""


@frozen(eq=False, repr=False)
class Call:
    """One call that a client made, as ``ScriptedTransport.calls`` records it.

    ``method`` is etcd's name for it, such as ``Range``. ``timeout`` is what this attempt may take, in seconds. A stream
    has no timeout, and a request only if the client sends no more than one; ``sent`` has its messages so far.
    """

    host: str
    service: str
    method: str
    request: Any
    timeout: float | None
    metadata: Metadata
    sent: list[Any] = field(factory=list[Any])

    def __repr__(self) -> str:
        request = fields_of(self.request) if isinstance(self.request, Message) else ""
        within = f", timeout {self.timeout:g} s" if self.timeout is not None else ""
        return f"<Call {self.service}.{self.method}{request} at {self.host}{within}>"

    @property
    def is_stream(self) -> bool:
        """Whether it opened a stream."""
        return self.timeout is None


class Script:
    """The steps that are left, each list in order; ``always`` has those that answer every call of a method."""

    def __init__(self, script: Steps) -> None:
        self._queues: dict[str, deque[Step]] = {}
        self._always: dict[str, Step] = {}
        for method, steps in (script if is_mapping(script) else {ANY_METHOD: script}).items():
            check_method(method)
            if is_list(steps):
                self._queues[method] = deque(map(checked, steps))
            else:
                self._always[method] = checked(steps)

    @property
    def left(self) -> list[Step]:
        """The steps that must still be used."""
        return [step for queue in self._queues.values() for step in queue]

    @property
    def streams(self) -> list[StreamScript[Any, Any]]:
        """The streams that every call of their method opens."""
        return [step for step in self._always.values() if is_stream(step)]

    def next(self, call: Call) -> Step | None:
        """Return the step for this call; None if there is none."""
        queue = self._queue(call)
        return queue[0] if queue else self._always.get(call.method, self._always.get(ANY_METHOD))

    def use(self, call: Call) -> None:
        """Remove the step for this call, unless it answers every call."""
        if queue := self._queue(call):
            queue.popleft()

    def _queue(self, call: Call) -> deque[Step] | None:
        return self._queues.get(call.method) or self._queues.get(ANY_METHOD)


def check_method(name: str) -> None:
    """Raise ``ValueError`` for a name that is no method of etcd."""
    if name != ANY_METHOD and name not in METHODS:
        raise ValueError(f"etcd has no method {name!r}{suggestion(name, METHODS)}")


def is_mapping(script: Steps) -> TypeIs[Mapping[str, Step | Sequence[Step]]]:
    """Whether these are steps by method."""
    return isinstance(script, Mapping)


def is_list(steps: Step | Sequence[Step]) -> TypeIs[Sequence[Step]]:
    """Whether these are steps to be used up in order, not one for every call."""
    return isinstance(steps, Sequence)


def checked(step: Step) -> Step:
    """Return the step; ``TypeError`` if it is none."""
    if not (is_failure(step) or is_stream(step) or is_message(step) or callable(step)):
        raise TypeError(f"a step is a message, an exception, NO_REPLY, a StreamScript or a function, not {step!r}")
    if is_failure(step) and isinstance(cls := cast("object", step), type):
        check_class(cls)
    return step


def check_class(cls: type[object]) -> None:
    """Raise ``TypeError`` for a class of errors that cannot be raised without arguments."""
    try:
        cls()
    except TypeError as error:
        raise TypeError(f"pass an instance of {cls.__name__}, which needs arguments: {error}") from None


def is_message(step: object) -> bool:
    """Whether the step is a reply."""
    return isinstance(step, Message)


def is_stream(step: object) -> TypeIs[StreamScript[Any, Any]]:
    """Whether the step answers calls that open a stream."""
    return isinstance(step, StreamScript)


def is_failure(step: object) -> bool:
    """Whether the step lets any call fail."""
    is_class = isinstance(step, type) and issubclass(step, Exception)
    return step is NO_REPLY or isinstance(step, Exception) or is_class


def can_answer(answer: object, call: Call) -> bool:
    """Whether the call can be answered so."""
    reply_class = METHODS[call.method].types[1]
    if is_stream(answer):
        return call.is_stream and all(isinstance(part, (reply_class, Exception, End)) for part in answer.left)
    return is_failure(answer) or (isinstance(answer, reply_class) and not call.is_stream)


def fields_of(message: Message) -> str:
    """Return a message's fields as text, without secrets."""
    return "".join(f" {field.name}={text_of(field.name, value)}" for field, value in message.ListFields())


def text_of(name: str, value: object) -> str:
    """Return the value of a field as text."""
    if name in SECRETS:
        return "***"
    if isinstance(value, Message):
        return f"({fields_of(value).strip()})"
    if isinstance(value, (str, bytes, int)):
        return SHORT.repr(value)
    return f"[{', '.join(text_of(name, item) for item in cast('Iterable[object]', value))}]"
