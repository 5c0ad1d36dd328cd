"""Lost leases: their handlers, and what these may do."""

from __future__ import annotations

import threading

import pytest

from etcd_factory import errors
from tests.support.faces import BOUND, settle
from tests.support.leasing import hex_id, lose, until_idle


async def test_a_lease_that_another_client_revokes_is_lost(client, etcdctl, recorder):
    lease = recorder.on(client.lease(3), "lost")
    await settle(lease.grant())
    etcdctl("lease", "revoke", hex_id(lease))
    await recorder.until("lost")
    assert not lease.alive
    await until_idle()
    assert recorder.calls == [("lost", lease)]
    with pytest.raises(errors.LeaseNotFoundError):
        await settle(lease.grant())


async def test_all_handlers_are_called_and_a_failing_one_is_logged(client, etcdctl, recorder, caplog):
    def failing(lease):
        raise ValueError("of the handler")

    lease = await lose(client, etcdctl, failing, recorder.handler("lost"))
    await recorder.until("lost")
    assert recorder.calls == [("lost", lease)]
    assert "of the handler" in caplog.text


async def test_no_handler_is_called_after_one_has_ended_the_lease(face, client, etcdctl, recorder):
    def ending(lease):
        lease.release()
        recorder("first", lease)

    await lose(client, etcdctl, ending, recorder.handler("lost"))
    await recorder.until("first")
    await until_idle()
    assert recorder.names == ["first"]


async def test_a_handler_added_after_the_loss_is_called(client, etcdctl, recorder):
    lease = await lose(client, etcdctl, recorder.handler("first"))
    await recorder.until("first")
    recorder.on(lease, "lost")
    await recorder.until("lost")
    assert recorder.calls == [("first", lease), ("lost", lease)]


async def test_a_handler_may_use_the_client(face, client, etcdctl, recorder):
    def blocking(lease):
        client.put("lost").value("yes")
        recorder("lost", lease)

    async def waiting(lease):
        await client.put("lost").value("yes")
        recorder("lost", lease)

    await lose(client, etcdctl, blocking if face.name == "blocking" else waiting)
    await recorder.until("lost")
    assert await settle(client.get("lost").string()) == "yes"


async def test_a_handler_may_close_the_client(face, make, etcdctl, recorder):
    client = make()

    def blocking(lease):
        client.close()
        recorder("lost", lease)

    async def waiting(lease):
        await client.aclose()
        recorder("lost", lease)

    await lose(client, etcdctl, blocking if face.name == "blocking" else waiting)
    await recorder.until("lost")


async def test_a_handler_that_blocks_does_not_delay_another_lease(face, client, etcdctl, recorder):
    go = threading.Event()
    await lose(client, etcdctl, face.handler(lambda lease: go.wait(BOUND)))
    other = await lose(client, etcdctl, recorder.handler("lost"))
    await recorder.until("lost")
    go.set()
    assert recorder.calls == [("lost", other)]


async def test_a_lost_lease_can_still_be_revoked(client, etcdctl, recorder):
    lease = await lose(client, etcdctl, recorder.handler("lost"))
    await recorder.until("lost")
    await settle(lease.revoke())
    assert (recorder.calls, lease.alive) == ([("lost", lease)], False)


def test_an_unknown_event_is_a_value_error(client):
    with pytest.raises(ValueError, match="event of a lease: expected one of lost, got 'los'; did you mean 'lost'"):
        client.lease(60).on("los", print)
