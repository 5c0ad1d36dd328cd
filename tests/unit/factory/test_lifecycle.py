from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import sys
from contextlib import suppress

import pytest

from etcd_factory import AsyncServiceFactory, FactoryOptions, HealthReport, ServiceFactory
from etcd_factory.errors import (
    ClientClosedError,
    CloseError,
    EtcdFactoryError,
    InstanceExistsError,
    InstanceNotFoundError,
)
from etcd_factory.factory import lifecycle
from etcd_factory.model import Health
from tests.support.boxes import AsyncBoxes, AsyncGate, Boxes
from tests.support.faces import closed, settle

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

THREE = {"clients": {"a": {}, "b": {}, "c": {}}}


def failing(*names):
    """A hook that fails for the boxes of these names."""

    def hook(box):
        if box.name in names:
            raise RuntimeError(f"no {box.name}")

    return hook


async def error_of(given):
    """The error that a call gives, in either face."""
    try:
        return await settle(given())
    except Exception as error:
        return error


# --- making


async def test_midway_7_configured_clients_are_made_in_their_order(make):
    factory = await make({"clients": {"b": {}, "a": {}}, "client": {}})
    assert [box.name for box in factory.made] == ["b", "a", "default"]


async def test_midway_1_f6_a_client_without_a_name_is_given_not_kept_and_closed_with_the_factory(make):
    factory = await make()
    box = await settle(factory.create_instance({"x": 1}))
    assert (box.name, box.options, len(factory)) == (None, {"x": 1}, 0)
    with pytest.raises(InstanceNotFoundError):
        factory.get("fff")
    await closed(factory)
    assert factory.ended == [box]


async def test_clients_without_a_name_are_never_the_same(make):
    factory = await make()
    assert await settle(factory.create_instance({})) is not await settle(factory.create_instance({}))


async def test_midway_2_a_client_with_a_name_is_got_by_it(make):
    factory = await make()
    box = await settle(factory.create_instance({}, "a"))
    assert factory.has("a")
    assert factory.get("a") is box


async def test_no_options_are_those_of_default(make):
    factory = await make({"default": {"x": 1}})
    assert (await settle(factory.create_instance(None, "a"))).options == {"x": 1}


async def test_default_is_merged_under_configured_and_later_clients(make):
    shared = {"x": 1, "deep": {"a": 1, "b": 1}, "list": [1, 2]}
    factory = await make({"default": shared, "clients": {"a": {"deep": {"b": 2}, "list": [3]}}})
    later = await settle(factory.create_instance({"deep": {"a": 5}, "x": None}))
    assert factory.get("a").options == {"x": 1, "deep": {"a": 1, "b": 2}, "list": [3]}
    assert later.options == {"x": None, "deep": {"a": 5, "b": 1}, "list": [1, 2]}


async def test_f8_no_input_is_changed(make):
    config = {"default": {"d": {"x": 1}}, "client": {"l": [1]}, "clients": {"default": {"y": 1}, "a": {}}}
    options, before = {"d": {"z": 1}}, copy.deepcopy(config)
    factory = await make(config)
    await settle(factory.create_instance(options, "b"))
    assert (config, options) == (before, {"d": {"z": 1}})


async def test_f8_what_a_client_does_to_its_options_reaches_no_other(make):
    config = {"default": {"list": [1], "deep": {"x": 1}}, "clients": {"a": {}, "b": {}}}
    factory = await make(config)
    factory.get("a").options["list"].append(2)
    factory.get("a").options["deep"]["x"] = 2
    assert factory.get("b").options == {"list": [1], "deep": {"x": 1}}
    assert config["default"] == {"list": [1], "deep": {"x": 1}}


async def test_f1_the_same_name_with_equal_options_is_the_same_client(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    assert await settle(factory.create_instance({"x": 1}, "a")) is factory.get("a")
    assert len(factory.made) == 1


async def test_options_are_equal_if_they_are_so_with_default_under_them(make):
    factory = await make({"default": {"x": 1}, "clients": {"a": {"y": 2}}})
    assert await settle(factory.create_instance({"y": 2, "x": 1}, "a")) is factory.get("a")


async def test_f1_the_same_name_with_other_options_is_an_error_that_says_what_to_do(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    error = await error_of(lambda: factory.create_instance({"x": 2}, "a"))
    assert type(error) is InstanceExistsError
    assert str(error) == (
        "an etcd client named 'a' exists with other options; "
        "pass on_exists='return' to use it or on_exists='replace' to put the new one in its place"
    )
    assert (len(factory.made), factory.ended, factory.get("a").options) == (1, [], {"x": 1})


async def test_on_exists_may_return_the_client_that_is_there(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    assert await settle(factory.create_instance({"x": 2}, "a", on_exists="return")) is factory.get("a")
    assert (len(factory.made), factory.ended) == (1, [])


async def test_on_exists_replace_puts_the_new_one_in_and_then_closes_the_old_one(make):
    seen = []
    factory = await make({"clients": {"a": {"x": 1}, "b": {}}}, on_destroy=lambda box: seen.append(factory.get("a")))
    old = factory.get("a")
    new = await settle(factory.create_instance({"x": 2}, "a", on_exists="replace"))
    assert (factory.ended, seen) == ([old], [new])
    assert (factory.get("a"), new.options) == (new, {"x": 2})


async def test_f10_the_default_client_is_the_new_one_after_a_replacement(make):
    factory = await make({"client": {"x": 1}})
    new = await settle(factory.create_instance({"x": 2}, "default", on_exists="replace"))
    assert factory.get() is new


async def test_replace_with_equal_options_keeps_the_client(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    assert await settle(factory.create_instance({"x": 1}, "a", on_exists="replace")) is factory.get("a")
    assert (len(factory.made), factory.ended) == (1, [])


@pytest.mark.parametrize("on_exists", ["return", "replace"])
async def test_on_exists_makes_the_client_where_there_is_none(make, on_exists):
    factory = await make()
    assert await settle(factory.create_instance({}, "a", on_exists=on_exists)) is factory.get("a")


async def test_the_old_one_stays_and_works_if_its_replacement_cant_be_made(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    factory.on_create, old = failing("a"), factory.get("a")
    error = await error_of(lambda: factory.create_instance({"x": 2}, "a", on_exists="replace"))
    assert str(error) == "no a"
    assert (factory.get("a"), factory.ended) == (old, [])


async def test_a_replacement_stands_though_the_old_one_fails_to_close_and_that_is_logged(make, caplog):
    factory = await make({"clients": {"a": {"x": 1}}}, on_destroy=failing("a"))
    new = await settle(factory.create_instance({"x": 2}, "a", on_exists="replace"))
    assert factory.get("a") is new
    assert "'a' was replaced, but closing the old one failed" in caplog.text
    factory.on_destroy = failing()


@pytest.mark.parametrize("on_exists", ["ignore", "", None, "Error"])
async def test_another_on_exists_is_a_value_error_that_lists_them(make, on_exists):
    factory = await make()
    error = await error_of(lambda: factory.create_instance({}, "a", on_exists=on_exists))
    assert isinstance(error, ValueError)
    assert str(error) == f"on_exists is one of error, return, replace, not {on_exists!r}"
    assert factory.made == []


async def test_a_failure_leaves_nothing_behind_and_a_later_try_works(make):
    factory = await make(on_create=failing("a", None))
    assert str(await error_of(lambda: factory.create_instance({}, "a"))) == "no a"
    assert str(await error_of(lambda: factory.create_instance({}))) == "no None"
    assert (len(factory), factory.has("a")) == (0, False)
    factory.on_create = failing()
    assert await settle(factory.create_instance({}, "a")) is factory.get("a")
    await closed(factory)
    assert [box.name for box in factory.ended] == ["a"]


class Missing(Boxes):
    def create_client(self, options, name):
        return None


class AsyncMissing(AsyncBoxes):
    async def create_client(self, options, name):
        return None


@pytest.mark.parametrize("kind", [Missing, AsyncMissing])
async def test_f5_a_client_that_is_none_is_an_error(kind, opened):
    factory = await opened(kind())
    error = await error_of(lambda: factory.create_instance({}, "a"))
    assert type(error) is EtcdFactoryError
    assert str(error) == "create_client gave None for 'a'; it must give a client"
    assert not factory.has("a")


@pytest.mark.parametrize("kind", [Missing, AsyncMissing])
async def test_f5_a_configured_client_that_is_none_is_an_error(kind, opened):
    with pytest.raises(EtcdFactoryError, match="'default'"):
        await opened(kind({"client": {}}))


@pytest.mark.parametrize("falsy", [0, "", [], False])
async def test_a_client_may_be_anything_but_none(falsy, opened):
    class Falsy(Boxes):
        def create_client(self, options, name):
            return falsy

        def destroy_client(self, client, name):
            assert client is falsy

    factory = await opened(Falsy({"client": {}}))
    assert factory.get() is falsy


@pytest.mark.parametrize("base", [ServiceFactory, AsyncServiceFactory])
def test_a_factory_says_how_clients_are_made_and_ended(base):
    with pytest.raises(TypeError, match="abstract"):
        base()


async def test_a_factory_may_read_its_options_into_a_class(opened):
    class Reading(Boxes):
        def read_options(self, options):
            return tuple(options)

    factory = await opened(Reading(FactoryOptions(clients={"a": {"x": 1}}, default={"y": 1})))
    assert set(factory.get("a").options) == {"x", "y"}


# --- configured clients


async def test_midway_9_f2_where_one_fails_those_before_it_are_ended(face, opened):
    ended = []
    with pytest.raises(RuntimeError, match="no c"):
        await opened(face.factory(THREE, on_create=failing("c"), on_destroy=ended.append))
    assert [box.name for box in ended] == ["b", "a"]


async def test_f2_the_error_is_that_of_the_client_though_ending_another_fails_too(face, opened):
    with pytest.raises(RuntimeError, match="no b"):
        await opened(face.factory(THREE, on_create=failing("b"), on_destroy=failing("a")))


async def test_async_clients_are_made_when_the_factory_is_entered():
    factory = AsyncBoxes(THREE)
    assert (factory.made, len(factory)) == ([], 0)
    with pytest.raises(ClientClosedError, match="entered"):
        factory.get("a")
    async with factory as entered:
        assert entered is factory
        assert factory.names == ("a", "b", "c")


async def test_a_factory_that_was_not_entered_says_how_to_enter_it():
    with pytest.raises(ClientClosedError, match="async with"):
        AsyncBoxes(THREE).get("a")


async def test_entering_twice_makes_the_clients_once():
    factory = AsyncBoxes(THREE)
    async with factory, factory:
        assert len(factory.made) == 3


async def test_an_asyncio_factory_whose_clients_could_not_be_made_is_closed():
    factory = AsyncBoxes(THREE, on_create=failing("b"))
    with pytest.raises(RuntimeError, match="no b"):
        await factory.__aenter__()
    assert factory.names == ()
    with pytest.raises(ClientClosedError):
        await factory.create_instance({}, "z")


class Promising(AsyncBoxes):
    """Its method is not async and gives an awaitable, as the type allows."""

    def create_client(self, options, name):
        return asyncio.ensure_future(asyncio.sleep(0, self.begin(options, name)))


async def test_a_method_that_is_not_async_may_give_an_awaitable(opened):
    factory = await opened(Promising())
    assert await factory.create_instance({}, "a") is factory.get("a")


async def test_configured_clients_may_be_awaitables_of_a_method_that_is_not_async(opened):
    factory = await opened(Promising({"clients": {"a": {}}}))
    assert factory.get("a") is factory.made[0]


# --- side by side


async def test_midway_10_concurrent_calls_for_one_name_make_one_client(waiting_face, opened, waiters):
    factory = await opened(waiting_face.factory(on_create=lambda box: waiters(4)))
    made = await waiting_face.together(*[lambda: factory.create_instance({"x": 1}, "a")] * 5)
    assert made == [factory.get("a")] * 5
    assert len(factory.made) == 1


async def test_midway_11_concurrent_calls_for_some_names_make_one_client_each(waiting_face, opened):
    factory = await opened(waiting_face.factory())
    calls = [lambda name=name: factory.create_instance({}, name) for name in "abcabcab"]
    made = await waiting_face.together(*calls)
    assert made == [factory.get(name) for name in "abcabcab"]
    assert sorted(box.name for box in factory.made) == ["a", "b", "c"]


async def test_midway_12_concurrent_calls_fail_with_the_same_error_after_one_attempt(waiting_face, opened, waiters):
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


@pytest.mark.parametrize("number", [13, 14])
async def test_midway_13_14_calls_side_by_side_of_methods_that_dont_wait_make_one_client(face, make, number):
    factory = await make()
    made = await face.together(*[lambda: factory.create_instance({}, "a")] * number)
    assert made == [factory.get("a")] * number
    assert (len(factory.made), factory.has("a")) == (1, True)


async def test_concurrent_calls_with_other_options_get_an_error(waiting_face, opened, waiters):
    factory = await opened(waiting_face.factory(on_create=lambda box: waiters(1)))
    calls = [lambda x=x: factory.create_instance({"x": x}, "a") for x in (1, 2)]
    answers = await waiting_face.together(*calls)
    assert len(factory.made) == 1
    assert factory.get("a") in answers
    assert {type(answer).__name__ for answer in answers} == {"Box", "InstanceExistsError"}


async def test_concurrent_calls_with_other_options_may_take_what_is_made(waiting_face, opened, waiters):
    factory = await opened(waiting_face.factory(on_create=lambda box: waiters(1)))
    calls = [lambda x=x: factory.create_instance({"x": x}, "a", on_exists="return") for x in (1, 2)]
    assert await waiting_face.together(*calls) == [factory.get("a")] * 2
    assert len(factory.made) == 1


async def test_concurrent_replacements_leave_the_last_one_and_close_the_other(waiting_face, opened):
    factory = await opened(waiting_face.factory())
    calls = [lambda x=x: factory.create_instance({"x": x}, "a", on_exists="replace") for x in range(6)]
    answers = await waiting_face.together(*calls)
    assert sorted(box.options["x"] for box in answers) == list(range(6))
    assert factory.get("a") in answers
    assert sorted(box.options["x"] for box in [*factory.ended, factory.get("a")]) == list(range(6))


async def test_another_name_is_not_held_up_by_one_that_is_being_made(waiting_face, opened):
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


async def test_a_client_is_there_while_its_replacement_is_being_made(waiting_face, opened):
    factory = await opened(waiting_face.factory({"clients": {"a": {"x": 1}}}))
    reached, gate, old = waiting_face.gate(), waiting_face.gate(), factory.get("a")
    factory.on_create = lambda box: reached.set() or gate.wait()
    new = waiting_face.start(lambda: factory.create_instance({"x": 2}, "a", on_exists="replace"))
    await waiting_face.reached(reached)
    assert (factory.get("a"), factory.ended) == (old, [])
    gate.set()
    assert await new is factory.get("a")


@pytest.mark.parametrize("name", ["a", None])
async def test_f4_a_client_that_is_ready_only_after_closing_is_ended(waiting_face, opened, name):
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


def test_f4_a_client_is_ended_once_where_closing_comes_just_after_it_was_kept():
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


async def test_one_who_is_cancelled_while_making_hands_over_to_one_who_waits(opened):
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


# --- removing


async def test_f1_a_removed_client_is_closed_and_forgotten(make):
    factory = await make(THREE)
    box = factory.get("b")
    assert await settle(factory.remove("b")) is None
    assert (factory.ended, factory.names) == ([box], ("a", "c"))
    await closed(factory)
    assert [box.name for box in factory.ended] == ["b", "c", "a"]


async def test_a_removed_name_may_be_made_again(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    await settle(factory.remove("a"))
    assert (await settle(factory.create_instance({"x": 2}, "a"))).options == {"x": 2}


async def test_to_remove_an_unknown_name_is_a_key_error_with_the_nearest(make):
    factory = await make({"clients": {"instance1": {}}})
    error = await error_of(lambda: factory.remove("instanse1"))
    assert isinstance(error, KeyError)
    assert "did you mean 'instance1'?" in str(error)
    assert factory.names == ("instance1",)


async def test_a_client_that_fails_to_close_is_forgotten_all_the_same(make):
    factory = await make(THREE, on_destroy=failing("a"))
    assert str(await error_of(lambda: factory.remove("a"))) == "no a"
    assert factory.names == ("b", "c")


# --- health


class Ill(Boxes):
    def check_client(self, client, timeout):
        return Health(client.name not in self.ill, latency=timeout)

    ill = ()


class AsyncIll(AsyncBoxes):
    async def check_client(self, client, timeout):
        return Ill.check_client(self, client, timeout)

    ill = ()


@pytest.fixture(params=[Ill, AsyncIll])
async def patient(request, opened):
    config = {**THREE, "priority": {"a": "high", "c": "low"}}
    return await opened(request.param(config))


async def test_f12_health_is_a_mapping_from_names(patient):
    report = await settle(patient.health())
    assert isinstance(report, HealthReport)
    assert (list(report), len(report), "a" in report) == (["a", "b", "c"], 3, True)
    assert [health.priority for health in report.values()] == ["high", "medium", "low"]
    assert report.healthy()
    assert "HealthReport" in repr(report)


@pytest.mark.parametrize(("ill", "healthy"), [("a", False), ("b", False), ("c", True), ("bc", False), ("", True)])
async def test_f12_one_of_low_priority_does_not_count(patient, ill, healthy):
    patient.ill = ill
    report = await settle(patient.health())
    assert report.healthy() is healthy
    assert [name for name, health in report.items() if not health.ok] == list(ill)


async def test_the_timeout_of_health_is_that_of_each_check(patient):
    assert (await settle(patient.health()))["a"].latency == 1
    assert (await settle(patient.health(timeout=0.5)))["a"].latency == 0.5


async def test_unnamed_clients_are_not_asked_for_their_health(patient):
    await settle(patient.create_instance({}))
    assert list(await settle(patient.health())) == ["a", "b", "c"]


async def test_a_factory_that_checks_nothing_is_well(make):
    factory = await make({"client": {}})
    assert (await settle(factory.health())).healthy()
    assert (await settle((await make()).health())).healthy()


async def test_a_check_that_fails_is_ill_health_and_hides_no_other(opened):
    class Failing(Boxes):
        def check_client(self, client, timeout):
            failing("b")(client)
            return Health(True)

    report = (await opened(Failing(THREE))).health()
    assert [name for name, health in report.items() if health.ok] == ["a", "c"]
    assert str(report["b"].error) == "no b"


# --- closing


async def test_midway_3_closing_ends_all_the_newest_first(make):
    factory = await make({**THREE, "client": {}})
    await settle(factory.create_instance({}))
    await settle(factory.create_instance({}, "d"))
    await closed(factory)
    assert [box.name for box in factory.ended] == ["d", None, "default", "c", "b", "a"]
    assert factory.names == ()


async def test_a_replacement_is_as_new_as_it_was_made(make):
    factory = await make(THREE)
    await settle(factory.create_instance({"x": 1}, "a", on_exists="replace"))
    await closed(factory)
    assert [box.name for box in factory.ended] == ["a", "a", "c", "b"]


async def test_f3_all_are_closed_though_some_fail_and_the_failures_are_raised_together(make):
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


def test_the_failures_of_closing_survive_pickling():
    error = CloseError({"a": ValueError("x"), "b": KeyError("y")})
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (CloseError, str(error))
    assert {name: repr(one) for name, one in again.failures.items()} == {"a": "ValueError('x')", "b": "KeyError('y')"}


async def test_two_unnamed_clients_that_fail_to_close_are_both_told(make):
    factory = await make(on_destroy=failing(None))
    await settle(factory.create_instance({}))
    await settle(factory.create_instance({}))
    error = await error_of(lambda: closed(factory))
    assert len(error.exceptions) == 2


async def test_f3_a_client_that_hangs_is_left_and_the_others_are_closed(waiting_face, opened, monkeypatch):
    monkeypatch.setattr(lifecycle, "CLOSE", 0.05)
    gate = waiting_face.gate()
    factory = await opened(waiting_face.factory(THREE, on_destroy=lambda box: gate.wait() if box.name == "b" else None))
    error = await error_of(lambda: closed(factory))
    gate.set()
    assert [box.name for box in factory.ended] == ["c", "b", "a"]
    assert list(error.failures) == ["b"]
    assert isinstance(error.failures["b"], TimeoutError)
    assert str(error.failures["b"]) == "not done within 0.05 s"


async def test_a_client_that_hangs_when_removed_is_a_timeout(waiting_face, opened, monkeypatch):
    monkeypatch.setattr(lifecycle, "CLOSE", 0.05)
    gate = waiting_face.gate()
    factory = await opened(waiting_face.factory(THREE, on_destroy=lambda box: gate.wait()))
    error = await error_of(lambda: factory.remove("b"))
    gate.set()
    assert isinstance(error, TimeoutError)
    assert factory.names == ("a", "c")


async def test_a_close_that_is_cancelled_leaves_no_client_open():
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


async def test_closing_twice_closes_once(make):
    factory = await make(THREE, on_destroy=failing("a"))
    assert isinstance(await error_of(lambda: closed(factory)), CloseError)
    await closed(factory)
    assert len(factory.ended) == 3


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
async def test_f4_a_closed_factory_refuses_every_call(make, call):
    factory = await make(THREE)
    await closed(factory)
    error = await error_of(lambda: call(factory))
    assert type(error) is ClientClosedError
    assert str(error) == "the factory is closed; make a new one to go on"
    assert len(factory.made) == 3


def test_a_factory_that_is_left_closes_its_clients():
    with Boxes(THREE) as factory:
        assert factory.get("a") in factory.made
    assert len(factory.ended) == 3


async def test_an_asyncio_factory_that_is_left_closes_its_clients():
    async with AsyncBoxes(THREE) as factory:
        assert factory.get("a") in factory.made
    assert len(factory.ended) == 3


def test_the_error_in_a_with_block_is_not_lost():
    with pytest.raises(ZeroDivisionError), Boxes(THREE):
        raise ZeroDivisionError


def test_a_client_whose_end_closes_the_factory_is_ended_once():
    factory = Boxes(THREE, on_destroy=lambda box: factory.close())
    factory.close()
    assert [box.name for box in factory.ended] == ["c", "b", "a"]


async def test_f13_no_option_of_a_client_is_logged(make, caplog):
    caplog.set_level(logging.DEBUG)
    factory = await make({"client": {"password": "hunter2"}}, on_destroy=failing("default"))
    await settle(factory.create_instance({"password": "hunter2", "x": 1}, "default", on_exists="replace"))
    assert "made the etcd client 'default'" in caplog.text
    assert "hunter2" not in caplog.text + repr(factory)
    factory.on_destroy = failing()
