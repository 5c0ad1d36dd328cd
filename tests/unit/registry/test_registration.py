"""The handle of a registered instance."""

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial

import pytest

from etcd_factory.errors import ClientClosedError, PermissionDeniedError
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import BOUND, enter, in_time, leave, settle, until
from tests.support.registering import KEY, record_events, script
from tests.support.transports import Recorded

DENIED = "etcdserver: permission denied"
OTHER_LEASE = 99


@pytest.fixture
def registration(connect, registry):
    """A function that registers the instance "a" on a script; returns the registration and the transport."""

    async def create(**steps):
        transport = Recorded(ScriptedTransport(script(**steps)))
        client, _ = connect(transport)
        made = await settle(registry(client).register("user", "a", {"zone": "x"}, weight=2, tags=["web"]))
        return made, transport

    return create


def written(transport):
    """The instance of the last write."""
    return json.loads(transport.requests("Txn")[-1].success[0].request_put.value)


async def test_it_has_the_instance_that_is_registered(registration):
    one, _ = await registration()
    assert (one.instance.id, one.instance.metadata, one.instance.weight) == ("a", {"zone": "x"}, 2)
    assert one.alive
    assert repr(one) == "<Registration user/a alive>"


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"metadata": {"n": 1}}, {"metadata": {"n": 1}}),
        ({"metadata": {}}, {"metadata": {}}),
        ({"weight": 0}, {"weight": 0}),
        ({"tags": "blue"}, {"tags": ["blue"]}),
        ({"tags": []}, {"tags": []}),
        ({}, {}),
    ],
    ids=str,
)
async def test_an_update_changes_only_the_given_fields(registration, given, changed):
    one, transport = await registration()
    await settle(one.update(**given))
    before = {"metadata": {"zone": "x"}, "weight": 2, "tags": ["web"], "status": "up"}
    found = written(transport)
    assert {name: found[name] for name in before} == {**before, **changed}


async def test_pause_and_resume_change_the_status(registration):
    one, transport = await registration()
    await settle(one.pause())
    assert (written(transport)["status"], one.instance.status) == ("paused", "paused")
    await settle(one.resume())
    assert (written(transport)["status"], one.instance.status) == ("up", "up")


async def test_deregistering_twice_is_once(registration):
    one, transport = await registration()
    await settle(one.deregister())
    names = transport.names()
    await settle(one.deregister())
    assert transport.names() == names
    assert repr(one) == "<Registration user/a not alive>"
    with pytest.raises(ClientClosedError, match="has ended; register again"):
        await settle(one.pause())


async def test_the_end_of_its_block_deregisters_it(registration):
    one, transport = await registration()
    await enter(one)
    assert written_or_none(transport) is None
    await leave(one)
    assert written(transport)["status"] == "down"
    assert transport.names()[-1] == "LeaseRevoke"


def written_or_none(transport):
    return written(transport) if transport.requests("Txn") else None


async def test_a_failure_at_the_end_of_its_block_is_logged(registration, caplog):
    one, _ = await registration(LeaseRevoke=replies.server_error(DENIED))
    await enter(one)
    await leave(one)
    assert "user/a not alive> could not be deregistered and expires by its ttl" in caplog.text


async def test_a_failure_to_deregister_is_raised(registration):
    one, _ = await registration(LeaseRevoke=replies.server_error(DENIED))
    with pytest.raises(PermissionDeniedError):
        await settle(one.deregister())


# --- draining


class Over:
    """A signal that notes how long it is waited for, or raises."""

    def __init__(self, error=None):
        self.waited, self._error, self._is_set = [], error, False

    def set(self):
        self._is_set = True

    def is_set(self):
        return self._is_set

    async def wait(self, timeout):
        self.waited.append(timeout)
        if self._error is not None:
            raise self._error


async def test_it_is_marked_down_for_the_time_of_its_drain(registration):
    one, transport = await registration()
    one._availability.over = over = Over()
    await settle(one.deregister(drain=7))
    assert over.waited == [7]
    assert [json.loads(txn.success[0].request_put.value)["status"] for txn in transport.requests("Txn")] == ["down"] * 2
    assert transport.names()[-1] == "LeaseRevoke"


async def test_without_a_drain_nothing_is_waited_for(registration):
    one, transport = await registration()
    one._availability.over = over = Over()
    await settle(one.deregister())
    assert (over.waited, len(transport.requests("Txn"))) == ([], 1)


async def test_it_is_drained_even_if_it_cannot_be_marked(registration, caplog):
    one, transport = await registration(Txn=replies.server_error(DENIED))
    one._availability.over = over = Over()
    await settle(one.deregister(drain=7))
    assert over.waited == [7]
    assert transport.names()[-1] == "LeaseRevoke"


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
async def test_a_drain_that_is_broken_off_deregisters_it_in_the_background(registration, error):
    one, transport = await registration()
    one._availability.over = Over(error())
    with pytest.raises(error):
        await settle(one.deregister(drain=7))
    await transport.until(lambda: "LeaseRevoke" in transport.names())


# --- events


async def test_handlers_are_called_with_the_registration(registration, recorder):
    watch = replies.watch(revision=5)
    one, _ = await registration(Watch=watch)
    record_events(recorder, one)
    watch.push(replies.delete_event(KEY))
    await recorder.until("restored")
    assert recorder.calls == [("lost", one), ("restored", one)]


async def test_handlers_of_all_events_are_called_in_order_one_after_another(face, registration, recorder):
    """A slow handler of ``lost`` must not end after the handler of ``restored`` was called."""
    released = threading.Event()

    def slow(_):
        recorder("lost begins")
        assert released.wait(BOUND)
        recorder("lost ends")

    watch = replies.watch(revision=5)
    one, _ = await registration(Watch=watch)
    one.on("restored", partial(recorder, "restored")).on("lost", face.handler(slow))
    watch.push(replies.delete_event(KEY))
    await recorder.until("lost begins")
    await in_time(until(lambda: one.alive))
    released.set()
    await recorder.until("restored")
    assert recorder.names == ["lost begins", "lost ends", "restored"]


async def test_a_handler_is_called_once_when_another_process_replaces_it(registration, recorder):
    watch = replies.watch(revision=5)
    one, transport = await registration(Watch=watch)
    record_events(recorder, one)
    watch.push(replies.put_event(KEY, "{}", lease=OTHER_LEASE), replies.put_event(KEY, "{}", lease=OTHER_LEASE))
    await recorder.until("lost")
    await transport.until(lambda: "LeaseRevoke" in transport.names())
    assert recorder.names == ["lost"]


async def test_an_unknown_event_is_refused(registration):
    one, _ = await registration()
    with pytest.raises(ValueError, match="event of a registration: expected one of lost, restored, got 'losts'"):
        one.on("losts", print)


async def test_on_returns_the_registration(registration):
    one, _ = await registration()
    assert one.on("lost", print) is one


async def later(_):
    raise AssertionError


async def test_a_handler_that_can_never_run_is_refused(registration, face):
    one, _ = await registration()
    with pytest.raises(TypeError, match=r"^a handler must be a function, not int$"):
        one.on("lost", 3)
    if face.is_blocking:
        with pytest.raises(TypeError, match="is async"):
            one.on("lost", later)
