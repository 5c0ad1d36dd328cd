"""Concurrent calls of one factory."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest
from attrs import evolve

from etcd_factory.errors import ClientClosedError
from etcd_factory.options.plan import plan
from tests.support.boxes import BOUND, AsyncBoxes, AsyncGate, Boxes, failing
from tests.support.faces import closed, settle


@pytest.mark.anchor("midway-10")
async def test_concurrent_calls_for_one_name_make_one_client(waiting_face, opened, waiters):
    factory = await opened(waiting_face.factory(on_create=lambda box: waiters(4)))
    made = await waiting_face.together(*[lambda: factory.create_instance({"x": 1}, "a")] * 5)
    assert made == [factory.get("a")] * 5
    assert len(factory.made) == 1


@pytest.mark.anchor("midway-11")
async def test_concurrent_calls_for_several_names_make_one_client_each(waiting_face, opened):
    factory = await opened(waiting_face.factory())
    calls = [lambda name=name: factory.create_instance({}, name) for name in "abcabcab"]
    made = await waiting_face.together(*calls)
    assert made == [factory.get(name) for name in "abcabcab"]
    assert sorted(box.name for box in factory.made) == ["a", "b", "c"]


@pytest.mark.anchor("midway-12")
async def test_concurrent_calls_fail_with_the_same_error_after_one_attempt(waiting_face, opened, waiters):
    async def together_then_fail(box):
        await settle(waiters(4))
        raise RuntimeError("no a")

    def blocking(box):
        waiters(4)
        raise RuntimeError("no a")

    factory = await opened(waiting_face.factory(on_create=blocking if waiting_face.pool else together_then_fail))
    first, *others = await waiting_face.together(*[lambda: factory.create_instance({}, "a")] * 5)
    assert str(first) == "no a"
    assert all(error is first for error in others)
    assert (len(factory.made), factory.names) == (1, ())
    factory.on_create = failing()
    assert await settle(factory.create_instance({}, "a")) is factory.get("a")


@pytest.mark.anchor("midway-13", "midway-14")
@pytest.mark.parametrize("number", [13, 14])
async def test_concurrent_calls_of_methods_that_do_not_wait_make_one_client(face, make, number):
    factory = await make()
    made = await face.together(*[lambda: factory.create_instance({}, "a")] * number)
    assert made == [factory.get("a")] * number
    assert (len(factory.made), factory.has("a")) == (1, True)


async def test_a_call_that_looked_before_another_made_the_client_does_not_replace_it(make, monkeypatch):
    factory = await make()
    box = await settle(factory.create_instance({}, "a"))
    look, first = factory._find, iter([None])
    monkeypatch.setattr(factory, "_find", lambda name: next(first, look(name)))
    assert await settle(factory.create_instance({}, "a")) is box
    assert factory.made == [box]


async def test_concurrent_calls_with_other_options_get_an_error(waiting_face, opened, waiters):
    factory = await opened(waiting_face.factory(on_create=lambda box: waiters(1)))
    calls = [lambda x=x: factory.create_instance({"x": x}, "a") for x in (1, 2)]
    answers = await waiting_face.together(*calls)
    assert len(factory.made) == 1
    assert factory.get("a") in answers
    assert {type(answer).__name__ for answer in answers} == {"Box", "InstanceExistsError"}


async def test_concurrent_calls_with_other_options_may_return_the_client_being_made(waiting_face, opened, waiters):
    factory = await opened(waiting_face.factory(on_create=lambda box: waiters(1)))
    calls = [lambda x=x: factory.create_instance({"x": x}, "a", on_exists="return") for x in (1, 2)]
    assert await waiting_face.together(*calls) == [factory.get("a")] * 2
    assert len(factory.made) == 1


async def test_concurrent_replacements_keep_the_last_client_and_close_the_others(waiting_face, opened):
    factory = await opened(waiting_face.factory())
    calls = [lambda x=x: factory.create_instance({"x": x}, "a", on_exists="replace") for x in range(6)]
    answers = await waiting_face.together(*calls)
    assert sorted(box.options["x"] for box in answers) == list(range(6))
    assert factory.get("a") in answers
    assert sorted(box.options["x"] for box in [*factory.ended, factory.get("a")]) == list(range(6))


async def test_making_one_client_does_not_block_another(waiting_face, opened):
    reached, gate = waiting_face.gate(), waiting_face.gate()

    def hook(box):
        if box.name == "slow":
            reached.set()
            return gate.wait()
        return None

    factory = await opened(waiting_face.factory(on_create=hook))
    slow = waiting_face.start(lambda: factory.create_instance({}, "slow"))
    await waiting_face.reached(reached)
    quick = await settle(factory.create_instance({}, "quick"))
    assert (factory.names, factory.get("quick"), slow.done()) == (("quick",), quick, False)
    gate.set()
    assert await slow is factory.get("slow")


async def test_the_old_client_is_kept_while_its_replacement_is_being_made(waiting_face, opened):
    factory = await opened(waiting_face.factory({"clients": {"a": {"x": 1}}}))
    reached, gate, old = waiting_face.gate(), waiting_face.gate(), factory.get("a")
    factory.on_create = lambda box: reached.set() or gate.wait()
    new = waiting_face.start(lambda: factory.create_instance({"x": 2}, "a", on_exists="replace"))
    await waiting_face.reached(reached)
    assert (factory.get("a"), factory.ended) == (old, [])
    gate.set()
    assert await new is factory.get("a")


@pytest.mark.anchor("f4")
@pytest.mark.parametrize("name", ["a", None])
async def test_a_client_that_is_ready_only_after_closing_is_closed(waiting_face, opened, name):
    reached, gate = waiting_face.gate(), waiting_face.gate()
    factory = await opened(waiting_face.factory(on_create=lambda box: reached.set() or gate.wait()))
    making = waiting_face.start(lambda: factory.create_instance({}, name))
    await waiting_face.reached(reached)
    await closed(factory)
    gate.set()
    with pytest.raises(ClientClosedError):
        await making
    assert factory.ended == factory.made
    assert factory.names == ()


@pytest.mark.anchor("f4")
def test_a_client_is_closed_once_if_the_factory_closes_just_after_storing_it():
    class Guard:
        """Closes the factory the moment the guard is given back for the first time after the client was kept."""

        def __init__(self, guard):
            self.guard = guard

        def __enter__(self):
            return self.guard.__enter__()

        def __exit__(self, *error):
            self.guard.__exit__(*error)
            if factory.made and not factory._closed:
                factory.close()

    factory = Boxes()
    factory._guard = Guard(factory._guard)
    with suppress(ClientClosedError):
        factory.create_instance({}, "a")
    assert factory.ended == factory.made


async def test_a_waiting_call_takes_over_from_a_cancelled_one(opened):
    reached, never = AsyncGate(), AsyncGate()
    factory = await opened(AsyncBoxes(on_create=lambda box: reached.set() or never.wait()))
    first = asyncio.ensure_future(factory.create_instance({}, "a"))
    await reached.wait()
    factory.on_create = failing()
    second = asyncio.ensure_future(factory.create_instance({}, "a"))
    first.cancel()
    assert await second is factory.get("a")
    with pytest.raises(asyncio.CancelledError):
        await first


# --- configured clients at once


def at_once(clients):
    """A plan whose clients are made at once."""
    return evolve(plan({"clients": clients}, dict), concurrent=True)


async def test_configured_clients_are_made_at_once_and_kept_in_their_order(waiting_face, opened):
    barrier, arrived, everyone = threading.Barrier(3, timeout=BOUND), [], AsyncGate()

    async def in_tasks(box):
        arrived.append(box)
        if len(arrived) == 3:
            everyone.set()
        await everyone.wait()

    hook = (lambda box: barrier.wait()) if waiting_face.pool else in_tasks
    factory = await opened(waiting_face.factory(at_once({"b": {}, "a": {}, "c": {}}), on_create=hook))
    assert factory.names == ("b", "a", "c")


async def test_if_one_of_them_fails_the_others_are_closed(waiting_face, opened):
    ended = []
    with pytest.raises(RuntimeError, match="no b"):
        await opened(
            waiting_face.factory(at_once({"a": {}, "b": {}, "c": {}}), on_create=failing("b"), on_destroy=ended.append)
        )
    assert sorted(box.name for box in ended) == ["a", "c"]
