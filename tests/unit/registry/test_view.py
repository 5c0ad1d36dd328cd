"""A live view: which instances it shows, which one it picks, and what its handlers receive."""

from __future__ import annotations

import pytest

from etcd_factory.errors import NoInstanceError
from etcd_factory.registry.balancers import balancer
from etcd_factory.registry.instance import ServiceInstance
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

    def create(load_balancer="round_robin", tags=(), status="up"):
        view = view_of(client, type(client), "a test")
        return ServiceView(view, source, balancer(load_balancer), tags, status, leave_source)

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
