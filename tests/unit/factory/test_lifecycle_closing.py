"""Closing a factory."""

from __future__ import annotations

import asyncio
import pickle
import sys
from contextlib import suppress

import pytest

from etcd_factory.errors import ClientClosedError, CloseError, EtcdFactoryError
from etcd_factory.factory import lifecycle
from tests.support.boxes import THREE, AsyncBoxes, AsyncGate, Boxes, error_of, failing
from tests.support.faces import closed, settle

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup


@pytest.mark.anchor("midway-3")
async def test_closing_closes_all_clients_the_newest_first(make):
    factory = await make({**THREE, "client": {}})
    await settle(factory.create_instance({}))
    await settle(factory.create_instance({}, "d"))
    await closed(factory)
    assert [box.name for box in factory.ended] == ["d", None, "default", "c", "b", "a"]
    assert factory.names == ()


async def test_a_replacement_is_closed_in_the_order_of_its_creation(make):
    factory = await make(THREE)
    await settle(factory.create_instance({"x": 1}, "a", on_exists="replace"))
    await closed(factory)
    assert [box.name for box in factory.ended] == ["a", "a", "c", "b"]


@pytest.mark.anchor("f3")
async def test_all_clients_are_closed_and_the_failures_are_raised_together(make):
    factory = await make(THREE, on_destroy=failing("a", "c"))
    error = await error_of(lambda: closed(factory))
    assert [box.name for box in factory.ended] == ["c", "b", "a"]
    assert isinstance(error, CloseError)
    assert {name: str(failure) for name, failure in error.failures.items()} == {"c": "no c", "a": "no a"}
    assert "closing 'a' failed: RuntimeError('no a')" in str(error)


async def test_the_failures_of_closing_are_an_exception_group(make):
    factory = await make(THREE, on_destroy=failing("a", "c"))
    error = await error_of(lambda: closed(factory))
    assert isinstance(error, ExceptionGroup)
    assert isinstance(error, EtcdFactoryError)
    assert [str(one) for one in error.exceptions] == ["no c", "no a"]
    matched, rest = error.split(lambda one: str(one) == "no a")
    assert (list(matched.failures), list(rest.failures)) == (["a"], ["c"])


def test_the_failures_of_closing_can_be_pickled():
    error = CloseError({"a": ValueError("x"), "b": KeyError("y")})
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (CloseError, str(error))
    assert {name: repr(one) for name, one in again.failures.items()} == {"a": "ValueError('x')", "b": "KeyError('y')"}


async def test_two_unnamed_clients_that_fail_to_close_are_both_reported(make):
    factory = await make(on_destroy=failing(None))
    await settle(factory.create_instance({}))
    await settle(factory.create_instance({}))
    error = await error_of(lambda: closed(factory))
    assert len(error.exceptions) == 2


@pytest.mark.anchor("f3")
async def test_a_client_that_hangs_is_skipped_and_the_others_are_closed(waiting_face, opened, monkeypatch):
    monkeypatch.setattr(lifecycle, "CLOSE", 0.05)
    gate = waiting_face.gate()
    factory = await opened(waiting_face.factory(THREE, on_destroy=lambda box: gate.wait() if box.name == "b" else None))
    error = await error_of(lambda: closed(factory))
    gate.set()
    assert [box.name for box in factory.ended] == ["c", "b", "a"]
    assert list(error.failures) == ["b"]
    assert isinstance(error.failures["b"], TimeoutError)
    assert str(error.failures["b"]) == "not done within 0.05 s"


async def test_removing_a_client_that_hangs_is_a_timeout(waiting_face, opened, monkeypatch):
    monkeypatch.setattr(lifecycle, "CLOSE", 0.05)
    gate = waiting_face.gate()
    factory = await opened(waiting_face.factory(THREE, on_destroy=lambda box: gate.wait()))
    error = await error_of(lambda: factory.remove("b"))
    gate.set()
    assert isinstance(error, TimeoutError)
    assert factory.names == ("a", "c")


async def test_a_second_close_finishes_a_cancelled_one():
    reached, gate = AsyncGate(), AsyncGate()
    factory = AsyncBoxes(THREE, on_destroy=lambda box: reached.set() or gate.wait())
    await factory.__aenter__()
    closing = asyncio.ensure_future(factory.aclose())
    await reached.wait()
    closing.cancel()
    with suppress(asyncio.CancelledError):
        await closing
    gate.set()
    await factory.aclose()
    assert {box.name for box in factory.ended} == {"a", "b", "c"}


async def test_closing_twice_closes_each_client_once(make):
    factory = await make(THREE, on_destroy=failing("a"))
    assert isinstance(await error_of(lambda: closed(factory)), CloseError)
    await closed(factory)
    assert len(factory.ended) == 3


@pytest.mark.anchor("f4")
@pytest.mark.parametrize(
    "call",
    [
        lambda factory: factory.get(),
        lambda factory: factory.get("a"),
        lambda factory: factory.create_instance({}, "z"),
        lambda factory: factory.create_instance({}),
        lambda factory: factory.remove("a"),
        lambda factory: factory.health(),
    ],
    ids=["get default", "get", "create", "create unnamed", "remove", "health"],
)
async def test_a_closed_factory_refuses_every_call(make, call):
    factory = await make(THREE)
    await closed(factory)
    error = await error_of(lambda: call(factory))
    assert type(error) is ClientClosedError
    assert str(error) == "the factory is closed; make a new one"
    assert len(factory.made) == 3


def test_a_client_that_closes_the_factory_is_closed_once():
    factory = Boxes(THREE, on_destroy=lambda box: factory.close())
    factory.close()
    assert [box.name for box in factory.ended] == ["c", "b", "a"]
