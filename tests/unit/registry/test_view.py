"""A live view: which instances it shows, which one it picks, and what its handlers receive."""

from __future__ import annotations

from functools import partial

import pytest

from etcd_factory.errors import NoInstanceError
from etcd_factory.registry.balancers import balancer
from etcd_factory.registry.instance import ServiceInstance
from etcd_factory.registry.outliers import Outlier
from etcd_factory.registry.picker import Picker
from etcd_factory.registry.view import ServiceView, latest
from etcd_factory.service import view_of
from tests.support.faces import enter, leave, settle
from tests.support.registering import Lists, ids


class Source:
    """The instances of a service, changed by the test."""

    service, inherited = "user", False

    def __init__(self):
        self.instances, self.listeners, self.is_kept = (), [], False

    def listen(self, listener):
        self.listeners.append(listener)
        listener()

    def ignore(self, listener):
        self.listeners.remove(listener)

    def keep(self):
        self.is_kept = True

    def show(self, *instances):
        self.instances = instances
        for listener in self.listeners:
            listener()


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def make_view(connect, source):
    """A function that returns a view of the source; ``left`` counts how often it was left."""
    client, _ = connect({})
    left = []

    async def leave_source():
        left.append(1)

    def create(load_balancer="round_robin", tags=(), status="up", outlier=None):
        view = view_of(client, type(client), "a test")
        picker = Picker(partial(balancer, load_balancer), view.client.runtime, None, outlier)
        return ServiceView(view, source, picker, tags, status, leave_source)

    create.left = left
    return create


def some(names, **fields):
    return [ServiceInstance("user", name, **fields) for name in names]


# --- what it shows


def test_it_shows_the_instances_with_its_status_and_all_its_tags(make_view, source):
    paused, tagged = some("p", status="paused"), some("t", tags=["web", "blue"])
    source.show(*some("a"), *paused, *tagged)
    shown = [make_view(), make_view(status="paused"), make_view(status=None), make_view(tags=["blue", "web"])]
    assert [ids(view.instances) for view in shown] == ["at", "p", "apt", "t"]


def test_it_follows_its_source(make_view, source):
    view = make_view()
    assert view.instances == ()
    source.show(*some("ab"))
    assert ids(view.instances) == "ab"
    assert repr(view) == "<ServiceView of 'user', instances: 2>"


# --- picking


def test_it_picks_by_its_balancer(make_view, source):
    source.show(*some("abc"))
    turns, last = make_view(), make_view(lambda instances, key: instances[-1])
    assert ids(turns.pick() for _ in range(4)) == "abca"
    assert last.pick().id == "c"


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({}, "no instance of 'user' is up"),
        ({"tags": ["web", "blue"]}, "no instance of 'user' is up with the tags blue, web"),
        ({"status": None}, "no instance of 'user' is registered"),
    ],
    ids=str,
)
def test_an_error_says_which_instance_is_missing(make_view, rules, text):
    with pytest.raises(NoInstanceError) as caught:
        make_view(**rules).pick()
    assert str(caught.value) == text
    assert isinstance(caught.value, LookupError)


def test_an_instance_counts_as_used_until_the_end_of_the_block(make_view, source):
    source.show(*some("ab"))
    view = make_view("least_connections")
    with view.use() as first, view.use() as second:
        assert {first.id, second.id} == {"a", "b"}
    with pytest.raises(RuntimeError, match="in the block"), view.use():
        raise RuntimeError("in the block")
    with view.use() as one:
        assert {view.pick().id for _ in range(4)} == {"a", "b"} - {one.id}


async def test_uses_that_fail_in_a_row_eject_an_instance(make_view, source):
    source.show(*some("ab"))
    view = make_view(outlier=Outlier(failures=2))
    for _ in range(4):
        with pytest.raises(OSError, match="refused"), view.use():
            raise OSError("refused")
    assert len(view.ejected) == 1
    assert len({view.pick().id for _ in range(4)}) == 1


# --- calling


class Calls:
    """A function of either face that notes the ids it was called with; those that fail raise."""

    def __init__(self, face, *failing):
        self.seen, self._failing = [], failing
        self.fn = self.blocking if face.is_blocking else self.awaited

    def blocking(self, instance):
        self.seen.append(instance.id)
        if instance.id in self._failing:
            raise OSError(f"refused by {instance.id}")
        return f"from {instance.id}"

    async def awaited(self, instance):
        return self.blocking(instance)


async def test_a_call_returns_what_its_function_returns(make_view, source, face):
    source.show(*some("ab"))
    assert await settle(make_view().call(Calls(face).fn)) == "from a"


async def test_in_asyncio_the_function_need_not_be_async(make_view, source, face):
    source.show(*some("ab"))
    assert await settle(make_view().call(Calls(face).blocking)) == "from a"


@pytest.mark.parametrize("name", ["round_robin", "random", "weighted", "least_connections", "consistent_hash", "p2c"])
async def test_a_call_that_fails_goes_to_the_next_instance(make_view, source, face, name):
    source.show(*some("abc"))
    calls = Calls(face, "a", "b")
    assert await settle(make_view(name).call(calls.fn, attempts=3, key="key")) == "from c"
    assert len(set(calls.seen)) == len(calls.seen)


@pytest.mark.parametrize(("attempts", "made"), [(1, "a"), (2, "ab"), (3, "abc"), (9, "abc")])
async def test_the_last_error_is_raised_after_the_attempts_or_the_last_instance(
    make_view, source, face, attempts, made
):
    source.show(*some("abc"))
    calls = Calls(face, *"abc")
    with pytest.raises(OSError, match=f"refused by {made[-1]}"):
        await settle(make_view().call(calls.fn, attempts))
    assert "".join(calls.seen) == made


async def test_two_attempts_are_made_by_default(make_view, source, face):
    source.show(*some("abc"))
    calls = Calls(face, *"abc")
    with pytest.raises(OSError, match="refused by b"):
        await settle(make_view().call(calls.fn))


async def test_a_view_learns_from_calls(make_view, source, face):
    source.show(*some("ab"))
    view = make_view(outlier=Outlier(failures=1))
    await settle(view.call(Calls(face, "a").fn))
    assert ids(view.ejected) == "a"


async def test_a_call_without_an_instance_is_an_error(make_view, face):
    with pytest.raises(NoInstanceError):
        await settle(make_view().call(Calls(face).fn))


@pytest.mark.parametrize(
    ("attempts", "error", "text"),
    [(0, ValueError, "attempts must be at least 1"), (-1, ValueError, "not be negative"), ("2", TypeError, "an int")],
)
async def test_invalid_attempts_are_refused(make_view, source, face, attempts, error, text):
    source.show(*some("ab"))
    calls = Calls(face)
    with pytest.raises(error, match=text):
        await settle(make_view().call(calls.fn, attempts))
    assert calls.seen == []


async def test_a_function_that_can_never_run_is_refused(make_view, source, face):
    source.show(*some("ab"))
    with pytest.raises(TypeError, match="what is called with an instance must be a function, not int"):
        await settle(make_view().call(5))
    if face.is_blocking:
        with pytest.raises(TypeError, match="is async"):
            make_view().call(Calls(face).awaited)


# --- handlers


async def test_a_handler_receives_each_new_list_and_no_equal_one(make_view, source):
    view = make_view()
    lists = Lists(view)
    for names in ("a", "a", "ab", "b", ""):
        source.show(*some(names))
        await lists.until(ids(view.instances))
    assert lists.seen == ["", "a", "ab", "b", ""]


async def test_notify_calls_handlers_with_the_present_list_unless_it_is_empty(make_view, source):
    view = make_view()
    lists = Lists(view)
    view.notify()
    source.show(*some("a"))
    await lists.until("a")
    view.notify()
    source.show()
    await lists.until("")
    assert lists.seen == ["", "a", "a", ""]


def test_only_the_last_list_waits_for_a_slow_handler():
    assert latest([("a",), ("b",), ("c",)]) == [("c",)]


def test_an_unknown_event_is_refused(make_view):
    with pytest.raises(ValueError, match="event of a view: expected one of change, got 'changed'"):
        make_view().on("changed", print)


# --- the end


async def test_a_closed_view_keeps_its_list_and_leaves_its_source_once(make_view, source):
    view = make_view()
    source.show(*some("a"))
    await settle(view.close())
    await settle(view.close())
    source.show(*some("ab"))
    assert (ids(view.instances), source.listeners, make_view.left) == ("a", [], [1])


async def test_the_end_of_its_block_closes_it(make_view):
    view = make_view()
    await enter(view)
    assert make_view.left == []
    await leave(view)
    assert make_view.left == [1]
