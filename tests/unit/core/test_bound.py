"""Classes that have a face: the methods of each, and what tools see of them."""

from __future__ import annotations

import asyncio
import copy
import importlib
import inspect
import pkgutil
import pydoc
from typing import get_type_hints
from unittest.mock import AsyncMock, MagicMock, create_autospec

import pytest

import etcd_factory.core
from etcd_factory import AsyncETCDService, ETCDService, ops
from etcd_factory.core.bound import Bound, Scoped, opener, operation, prompt, subclass, terminal
from etcd_factory.core.face import Async, Sync
from etcd_factory.core.kv.builders import Get
from etcd_factory.core.op import Op
from etcd_factory.testing import ScriptedTransport, replies


def generic_classes():
    """Every class of the core that has one subclass for each face."""
    for found in pkgutil.walk_packages(etcd_factory.core.__path__, "etcd_factory.core."):
        importlib.import_module(found.name)
    pending = [Bound]
    while pending:
        for cls in pending.pop().__subclasses__():
            pending.append(cls)
            if cls.face is None and cls.__module__.startswith("etcd_factory.core."):
                yield cls


def methods_of(kind):
    """The methods of a kind with their classes, by a readable name."""
    return {
        f"{cls.__module__.rpartition('.')[2]}.{cls.__qualname__}.{name}": (cls, name)
        for cls in generic_classes()
        for name, member in vars(cls).items()
        if isinstance(member, kind)
    }


AWAITED = {**methods_of(terminal), **methods_of(operation)}
OPENERS = methods_of(opener)
PROMPT = methods_of(prompt)

# --- classes of a face


@pytest.mark.parametrize("name", AWAITED)
def test_a_method_is_a_coroutine_function_in_asyncio_and_none_in_the_blocking_face(name):
    cls, method = AWAITED[name]
    assert inspect.iscoroutinefunction(getattr(subclass(cls, Async), method))
    assert not inspect.iscoroutinefunction(getattr(subclass(cls, Sync), method))


@pytest.mark.parametrize("name", {**AWAITED, **OPENERS, **PROMPT})
def test_a_double_of_a_class_has_methods_of_its_face(name):
    cls, method = {**AWAITED, **OPENERS, **PROMPT}[name]
    assert isinstance(getattr(create_autospec(subclass(cls, Async)), method), AsyncMock)
    double = getattr(create_autospec(subclass(cls, Sync)), method)
    assert isinstance(double, MagicMock)
    assert not isinstance(double, AsyncMock)


@pytest.mark.parametrize("name", {**AWAITED, **OPENERS})
def test_a_method_keeps_its_name_its_docstring_and_its_parameters(name):
    cls, method = {**AWAITED, **OPENERS}[name]
    body = vars(cls)[method].body
    for face in (Sync, Async):
        shown = getattr(subclass(cls, face), method)
        assert (shown.__name__, shown.__qualname__, shown.__module__) == (method, body.__qualname__, body.__module__)
        assert shown.__doc__ == body.__doc__
        assert inspect.signature(shown).parameters == inspect.signature(body).parameters


@pytest.mark.parametrize("name", {**AWAITED, **OPENERS})
def test_a_signature_shows_the_result_of_a_call(name):
    cls, method = {**AWAITED, **OPENERS}[name]
    blocking, awaited = (inspect.signature(getattr(subclass(cls, face), method)) for face in (Sync, Async))
    result = blocking.return_annotation
    assert not result.startswith(("Op[", "Coroutine[", "Opening["))
    assert "[F]" not in result
    other = result.replace("[Sync]", "[Async]")
    assert awaited.return_annotation == (f"Opening[{other}]" if name in OPENERS else other)


@pytest.mark.parametrize(
    ("function", "blocking", "awaited"),
    [
        (lambda service: service.health, "Health", "Health"),
        (lambda service: service.get, "Get[Sync]", "Get[Async]"),
        (lambda service: service.lock, "Lock[Sync]", "Lock[Async]"),
        (lambda service: service.mirror, "Mirror[Sync]", "Opening[Mirror[Async]]"),
        (lambda service: service(transport=ScriptedTransport([])).get("k").string, "str | None", "str | None"),
        (lambda service: service(transport=ScriptedTransport([])).get_all().keys, "list[str]", "list[str]"),
        (lambda service: service(transport=ScriptedTransport([])).lock("l").release, "None", "None"),
    ],
    ids=["health", "get", "lock", "mirror", "string", "keys", "release"],
)
def test_the_results_that_signatures_show(function, blocking, awaited):
    assert inspect.signature(function(ETCDService)).return_annotation == blocking
    assert inspect.signature(function(AsyncETCDService)).return_annotation == awaited


@pytest.mark.parametrize("service", [ETCDService, AsyncETCDService])
def test_the_service_itself_has_the_methods_of_its_face(service):
    is_async = service is AsyncETCDService
    for name in ("health", "leases", "roles", "compact", "batch"):
        assert inspect.iscoroutinefunction(getattr(service, name)) is is_async
        assert isinstance(getattr(create_autospec(service), name), AsyncMock) is is_async


def test_the_class_of_a_face_is_created_once_and_shows_the_name_of_its_generic_class():
    one, other = (ETCDService(transport=ScriptedTransport([])).get("k") for _ in range(2))
    assert type(one) is type(other) is subclass(Get, Sync)
    assert (type(one).__name__, type(one).__module__, type(one).face) == ("Get", Get.__module__, Sync)
    assert issubclass(type(one), Get)


def test_modifiers_keep_the_class_and_a_copy_is_as_good_as_the_builder():
    builder = ETCDService(transport=ScriptedTransport([replies.get({"k": "v"})])).get("k")
    assert type(builder.revision(3)) is type(builder)
    assert copy.copy(builder).string() == "v"


# --- the face of ops


def test_an_unbound_terminal_returns_the_operation():
    op = ops.put("k").value("v")
    assert isinstance(op, Op)
    assert (op.kind, op.fields) == ("put", {"key": b"k", "value": b"v"})


async def test_unbound_builders_cannot_be_iterated_over():
    with pytest.raises(TypeError, match=r"ops only describe operations; iterate over a client's get_all\(\)"):
        list(ops.get_all())
    with pytest.raises(TypeError, match="ops only describe operations"):
        [kv async for kv in ops.get_all()]


def test_a_terminal_of_ops_keeps_its_name_and_its_docstring():
    function = type(ops.get("k")).string
    assert function.__name__ == "string"
    assert function.__doc__.startswith("Return the value as text")


# --- blocks


class Block(Scoped):
    """A context manager of its face that notes how it was used."""

    def __init__(self, run):
        self.notes = []

    async def _enter(self):
        self.notes.append("entered")

    async def _exit(self, error):
        self.notes.append(error)


class Runner:
    """What a class is made with; all that counts is the face."""

    def __init__(self, face):
        self.face = face


def test_a_block_of_the_blocking_face_is_entered_with_with():
    with Block(Runner(Sync)) as block:
        assert block.notes == ["entered"]
    assert block.notes == ["entered", None]


async def test_a_block_of_asyncio_is_entered_with_async_with_and_gets_the_error_that_ends_it():
    error = ValueError("no good")
    block = Block(Runner(Async))
    with pytest.raises(ValueError, match="no good"):
        async with block:
            raise error
    assert block.notes == ["entered", error]


async def test_the_wrong_kind_of_block_is_an_error_that_says_which_one_to_write():
    with pytest.raises(TypeError, match="Block of an asyncio client: enter it with 'async with'"), Block(Runner(Async)):
        pass
    with pytest.raises(TypeError, match="Block of a blocking client: enter it with 'with'"):
        async with Block(Runner(Sync)):
            pass


def test_the_wrong_kind_of_block_runs_nothing():
    client = AsyncETCDService(transport=ScriptedTransport([]))
    for one in (client.lock("l"), client.lease(5)):
        with pytest.raises(TypeError, match=f"{type(one).__name__} of an asyncio client: enter it with 'async with'"):
            one.__enter__()


# --- subclasses of users


class Blocking(ETCDService):
    """A subclass that changes an operation, adds one, and writes a method of its own."""

    def health(self, timeout=1):
        return f"mine, then {super().health(timeout).version}"

    @operation
    async def ping(self) -> str:
        """Return a text."""
        return "pong"

    def color(self):
        return self.get("color").string()


class Awaited(AsyncETCDService):
    """The same in asyncio."""

    async def health(self, timeout=1):
        return f"mine, then {(await super().health(timeout)).version}"

    @operation
    async def ping(self) -> str:
        """Return a text."""
        return "pong"

    async def color(self):
        return await self.get("color").string()


def script():
    status = replies.of("Status", version="3.5.1", leader=1)
    return ScriptedTransport({"Range": replies.get({"color": "red"}), "Status": status})


def test_a_subclass_of_the_blocking_service_keeps_working():
    with Blocking(transport=script()) as client:
        assert (client.health(), client.ping(), client.color()) == ("mine, then 3.5.1", "pong", "red")
        assert client.namespace("ns/").ping() == "pong"


async def test_a_subclass_of_the_asyncio_service_keeps_working():
    async with Awaited(transport=script()) as client:
        assert (await client.health(), await client.ping(), await client.color()) == ("mine, then 3.5.1", "pong", "red")
    assert inspect.iscoroutinefunction(Awaited.ping)


def test_a_mixin_before_the_service_overrides_it():
    class Mixin:
        def health(self, timeout=1):
            return "mixed in"

    class Mixed(Mixin, ETCDService):
        pass

    with Mixed(transport=script()) as client:
        assert client.health() == "mixed in"


def test_a_subclass_of_a_subclass_has_the_methods_of_both():
    class Child(Blocking):
        def ping(self):
            return super().ping() + "!"

    with Child(transport=script()) as client:
        assert client.ping() == "pong!"
        assert client.color() == "red"


# --- type hints

# what they name is loaded when they are used
LAZY = {
    *("auth", "cluster", "election", "lease", "lease_of", "lock", "maintenance", "mirror", "on_call", "role", "stm"),
    *("user", "watch"),
}
MADE = {
    "service": lambda client: client,
    "get": lambda client: client.get("k"),
    "get_all": lambda client: client.get_all(),
    "put": lambda client: client.put("k"),
    "delete": lambda client: client.delete(),
    "txn": lambda client: client.txn(),
    "watch": lambda client: client.watch(),
    "lease": lambda client: client.lease(5),
    "lock": lambda client: client.lock("l"),
    "election": lambda client: client.election("e"),
    "stm": lambda client: client.stm(),
    "cluster": lambda client: client.cluster,
    "maintenance": lambda client: client.maintenance,
    "role": lambda client: client.role("r"),
}


@pytest.mark.parametrize("service", [ETCDService, AsyncETCDService])
@pytest.mark.parametrize("name", MADE)
def test_annotations_can_be_resolved_and_name_the_face(service, name):
    made = MADE[name](service(transport=ScriptedTransport([])))
    methods = [one for one in dir(type(made)) if one[0] != "_" and one not in LAZY]
    assert methods
    for method in methods:
        function = inspect.getattr_static(type(made), method)
        function = function.fget if isinstance(function, property) else function
        if inspect.isfunction(function):
            get_type_hints(function)
            assert "[F]" not in str(function.__annotations__)


@pytest.mark.parametrize("name", ["auth", "cluster", "maintenance"])
def test_a_property_is_annotated_with_its_face(name):
    for service, face in ((ETCDService, "Sync"), (AsyncETCDService, "Async")):
        member = inspect.getattr_static(service, name)
        assert member.fget.__annotations__["return"].endswith(f"[{face}]")
        assert member.__doc__


@pytest.mark.parametrize("service", [ETCDService, AsyncETCDService])
def test_help_shows_no_way_to_make_what_a_client_makes(service):
    made = service(transport=ScriptedTransport([])).get("k")
    assert "Get(" not in pydoc.plain(pydoc.render_doc(made)).partition("Method resolution")[0].replace("Get(Get)", "")


async def test_a_task_of_a_terminal_has_no_self_which_grpcio_takes_as_a_condition():
    client = AsyncETCDService(transport=ScriptedTransport({"Range": replies.get()}))
    task = asyncio.ensure_future(client.get("k").string())
    (frame,) = task.get_stack(limit=1)
    assert "self" not in frame.f_locals
    await task
    await client.aclose()
