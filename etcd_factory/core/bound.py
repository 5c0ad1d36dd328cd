"""Classes that have a face, and the decorators of their methods.

At run time each face has a subclass of its own, made here at its first use, with plain functions or coroutine functions
as methods: so ``inspect.iscoroutinefunction``, ``inspect.signature`` and ``create_autospec`` see what a caller gets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache, partial, update_wrapper
from inspect import Signature, get_annotations
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar, overload

from etcd_factory.compat import mark_awaitable
from etcd_factory.errors import suggestion
from etcd_factory.site import in_package

from .face import Async, Completed, F, Face, Opening, Runner, Sync, Unbound, finish

if TYPE_CHECKING:
    from .op import Op

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Bound(Generic[F]):
    """A class with a face. ``Get(run, ...)`` creates an instance of the subclass for ``run.face``."""

    __slots__ = ()

    face: ClassVar[Face | None] = None
    _faces: ClassVar[dict[Face, type[Any]]] = {}

    if TYPE_CHECKING:
        _run: Any  # a Runner; subclasses say of which kind
    else:

        def __new__(cls, *args: Any, **_: Any) -> Any:
            """Create an instance of the class for the face of ``run``, the first argument."""
            return object.__new__(cls if cls.face else cls._faces.get(args[0].face) or subclass(cls, args[0].face))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled or copied deeply, unless a subclass says how: connections belong to one process."""
        if type(self).__reduce__ is not object.__reduce__:
            return self.__reduce__()
        name = type(self).__name__
        raise TypeError(f"{name} cannot be pickled, as for another process, or copied deeply: make one in each process")

    def __copy__(self) -> Any:
        made: Any = object.__new__(type(self))
        slots = [name for base in type(self).__mro__ for name in vars(base).get("__slots__", ())]
        found = [name for name in slots if name != "__weakref__" and hasattr(self, name)]
        for name, value in {**{name: getattr(self, name) for name in found}, **getattr(self, "__dict__", {})}.items():
            object.__setattr__(made, name, value)
        return made

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.face = cls.face or named_face(cls)
        if cls.face is None:
            cls._faces = {}
        else:
            install(cls, cls.face)


def named_face(cls: type[Any]) -> Face | None:
    """Return the face that a base is subscripted with: ``class ETCDService(Service[Sync])``."""
    bases = cls.__dict__.get("__orig_bases__", ())
    arguments = [argument for base in bases for argument in getattr(base, "__args__", ())]
    return next((face for face in (Sync, Async, Unbound) if face in arguments), None)


MADE = Signature()  # of classes whose instances are made by calls of a client: ``help`` shows no other way


def subclass(cls: type[Any], face: Face) -> type[Any]:
    """Create the subclass of a generic class for one face."""
    names = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    kind: Any = type(cls)
    made: type[Any] = kind(cls.__name__, (cls,), {**names, "face": face, "__signature__": MADE})
    return cls._faces.setdefault(face, made)  # type: ignore[no-any-return]


def install(cls: type[Any], face: Face) -> None:
    """Give a class the functions of a face, in place of the methods that it inherits."""
    found = {name: member for base in reversed(cls.__mro__) for name, member in vars(base).items()}
    for name, member in found.items():
        if isinstance(member, Method):
            setattr(cls, name, member.function(face))
        elif isinstance(member, FunctionType):
            advice: str = getattr(member, "usage", "")
            shown = typed(member, face) if has_face(member) else member
            if advice or shown is not member:
                setattr(cls, name, advised(shown, advice) if advice else shown)
        elif isinstance(member, property) and member.fget is not None and has_face(member.fget):
            setattr(cls, name, property(typed(member.fget, face)))


def has_face(function: Callable[..., object]) -> bool:
    """Whether the annotations of a function have to do with the face."""
    return any("[F]" in str(kind) for kind in function.__annotations__.values())


def usage(example: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a method of a class with a face: a call with wrong arguments is an error that shows this example."""

    def mark(body: Callable[P, T]) -> Callable[P, T]:
        body.usage = example  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
        return body

    return mark


def advised(body: Callable[..., T], example: str) -> Callable[..., T]:
    """Return a function whose ``TypeError`` for a call with wrong arguments ends with an example."""

    def call(*args: object, **kwargs: object) -> T:
        try:
            return body(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:  # the body did not begin
                error.args = (f"{error}; write {example}",)
            raise

    made = described(call, body)
    vars(made).pop("usage")  # subclasses need no second one
    return made


class Method(ABC, Generic[P, T_co]):
    """A method that has another type in each face; ``function`` makes the one that the class of a face has."""

    def __init__(self, body: Callable[..., Any]) -> None:
        self.body = body
        self.__doc__ = body.__doc__

    @abstractmethod
    def function(self, face: Face) -> Callable[..., Any]:
        """Return the function for a face."""

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...
        @overload
        def __get__(self, instance: Bound[Sync], owner: type) -> Callable[P, T_co]: ...
        @overload
        def __get__(self, instance: Bound[Async], owner: type) -> Callable[P, Coroutine[Any, Any, T_co]]: ...
        @overload
        def __get__(self, instance: Bound[Unbound], owner: type) -> Callable[P, Op[T_co]]: ...
        def __get__(self, instance: object, owner: type) -> object: ...


class terminal(Method[P, T_co]):  # noqa: N801
    """The last call on a builder: its body returns an ``Op``, which the face runs."""

    def __init__(self, body: Callable[Concatenate[Any, P], Op[T_co]]) -> None:
        super().__init__(body)

    def function(self, face: Face) -> Callable[..., Any]:
        """Return a function that runs the operation; for ``Unbound`` the body, which describes it."""
        body = self.body

        def blocking(self: Bound[Sync], *args: P.args, **kwargs: P.kwargs) -> object:
            run: Runner = self._run  # pyright: ignore[reportPrivateUsage]
            return finish(run.execute(body(self, *args, **kwargs)))

        # Not ``self``: a channel of grpcio 1.62 that is closed takes the ``self`` of each task as a condition.
        async def awaited(one: Bound[Async], /, *args: P.args, **kwargs: P.kwargs) -> object:
            run: Runner = one._run  # pyright: ignore[reportPrivateUsage]
            return await run.execute(body(one, *args, **kwargs))

        call = blocking if face is Sync else awaited
        return typed(body, face) if face is Unbound else described(call, typed(body, face))


class operation(Method[P, T_co]):  # noqa: N801
    """A method whose body is a coroutine over the ports; the asyncio face has the body itself."""

    def __init__(self, body: Callable[Concatenate[Any, P], Coroutine[Any, Any, T_co]]) -> None:
        super().__init__(body)

    def function(self, face: Face) -> Callable[..., Any]:
        """Return the body; in the blocking face a function that runs it to its end."""
        body = typed(self.body, face)
        return blocking(body) if face is Sync else body


class opener(Method[P, T_co]):  # noqa: N801
    """An operation that opens something: in the asyncio face it returns an ``Opening``."""

    def __init__(self, body: Callable[Concatenate[Any, P], Coroutine[Any, Any, T_co]]) -> None:
        super().__init__(body)

    def function(self, face: Face) -> Callable[..., Any]:
        """Return a function that opens it, or one that returns what can be awaited or entered."""
        body = self.body

        def opening(self: object, *args: P.args, **kwargs: P.kwargs) -> Opening[T_co]:
            return Opening(body(self, *args, **kwargs))

        if face is Sync:
            return blocking(typed(body, face))
        return mark_awaitable(described(opening, typed(body, face, "Opening[{}]")))

    if TYPE_CHECKING:

        @overload  # type: ignore[override]
        def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...
        @overload
        def __get__(self, instance: Bound[Sync], owner: type) -> Callable[P, T_co]: ...
        @overload
        def __get__(self, instance: Bound[Async], owner: type) -> Callable[P, Opening[T_co]]: ...
        def __get__(  # pyright: ignore[reportIncompatibleMethodOverride]
            self, instance: object, owner: type
        ) -> object: ...


class prompt(Method[P, T_co]):  # noqa: N801
    """A method that waits for nothing: in asyncio what it returns may be awaited."""

    def __init__(self, body: Callable[Concatenate[Any, P], None]) -> None:
        super().__init__(body)

    def function(self, face: Face) -> Callable[..., Any]:
        """Return the body; in asyncio one that returns what may be awaited."""
        body = self.body

        def done(self: object, *args: P.args, **kwargs: P.kwargs) -> Completed:
            body(self, *args, **kwargs)
            return Completed()

        return typed(body, face) if face is Sync else mark_awaitable(described(done, typed(body, face, "Completed")))

    if TYPE_CHECKING:

        @overload  # type: ignore[override]
        def __get__(self, instance: None, owner: type) -> Callable[..., Any]: ...
        @overload
        def __get__(self, instance: Bound[Sync], owner: type) -> Callable[P, None]: ...
        @overload
        def __get__(self, instance: Bound[Async], owner: type) -> Callable[P, Awaitable[None]]: ...
        def __get__(  # pyright: ignore[reportIncompatibleMethodOverride]
            self, instance: object, owner: type
        ) -> object: ...


def untyped(method: Method[..., object]) -> Any:
    """Return a method whose types its overloads state."""
    return method


def blocking(body: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
    """Return a function that runs a coroutine function to its end."""

    def call(*args: object, **kwargs: object) -> T:
        return finish(body(*args, **kwargs))

    return described(call, body)


NAMES = (Sync, Async, Unbound, Opening, Completed)


def typed(body: Callable[..., Any], face: Face, shape: str = "{}") -> Callable[..., Any]:
    """Return a copy of a function, annotated with what it returns in a face."""
    assert isinstance(body, FunctionType)
    copy = FunctionType(body.__code__, body.__globals__, body.__name__, body.__defaults__, body.__closure__)
    copy.__kwdefaults__ = body.__kwdefaults__
    for name in NAMES:  # which the annotations have now: ``typing.get_type_hints`` looks for them there
        body.__globals__.setdefault(name.__name__, name)
    shown = {name: str(kind).replace("[F]", f"[{face.__name__}]") for name, kind in body.__annotations__.items()}
    result = shown["return"]
    ran = result.startswith("Op[") and face is not Unbound
    shown["return"] = shape.format(result[len("Op[") : -1] if ran else result)
    described(copy, body)
    copy.__annotations__ = shown
    del copy.__wrapped__  # type: ignore[attr-defined]  # its signature is its own
    return copy


def described(call: Callable[..., T], body: Callable[..., Any]) -> Callable[..., T]:
    """Give a function the name, docstring and signature of its body."""
    return update_wrapper(call, body)


class Guarded:
    """What users hold: setting an attribute that it does not have is an error, not a silent mistake.

    Subclasses of users may have attributes of their own, and tests may replace methods.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # type checkers report it by themselves

        def __setattr__(self, name: str, value: object) -> None:
            cls = type(self)
            if name[0] != "_" and name not in attributes(cls) and in_package(cls.__module__):
                advice = suggestion(name, attributes(cls)) or "; options are passed to the call that makes it"
                raise AttributeError(f"{cls.__name__} has no attribute {name!r}{advice}")
            object.__setattr__(self, name, value)


@cache
def attributes(cls: type[object]) -> frozenset[str]:
    """Return the public attributes of a class, with those that it only declares."""
    declared = [name for base in cls.__mro__ for name in get_annotations(base)]
    return frozenset(name for name in (*dir(cls), *declared) if name[0] != "_")


S = TypeVar("S", bound="Scoped[Sync]")
A = TypeVar("A", bound="Scoped[Async]")


class Scoped(Bound[F]):
    """A context manager of its face: subclasses say what entering and leaving does."""

    __slots__ = ()

    async def _enter(self) -> None:
        """Enter the block."""

    async def _exit(self, error: BaseException | None) -> None:
        """Leave the block, which ``error`` ended."""

    def __enter__(self: S) -> S:
        if self.face is not Sync:
            raise TypeError(f"{type(self).__name__} of an asyncio client: enter it with 'async with'")
        try:
            finish(self._enter())
            return self
        except (Exception, GeneratorExit):
            raise
        except BaseException:  # an interrupt: what was entered is left by nobody
            self._exit_later()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            finish(self._exit(error))
        except (Exception, GeneratorExit):
            raise
        except BaseException:
            self._exit_later()
            raise

    def _exit_later(self) -> None:
        """Leave in the background, perhaps once more."""
        self._run.client.background.spawn(partial(self._exit, None), "etcd_factory block left")

    async def __aenter__(self: A) -> A:
        if self.face is not Async:
            raise TypeError(f"{type(self).__name__} of a blocking client: enter it with 'with'")
        await self._enter()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        await self._exit(error)
