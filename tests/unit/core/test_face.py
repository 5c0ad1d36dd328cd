"""The three faces: what runs a body, what a user's function returned, and what is opened."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.core.face import Completed, Opening, finish, settle

# --- running a body


async def test_finish_returns_the_result_of_a_coroutine_that_never_suspends():
    async def body():
        return 7

    assert finish(body()) == 7


async def test_finish_raises_what_the_body_raises():
    async def body():
        raise KeyError("k")

    with pytest.raises(KeyError):
        finish(body())


async def test_finish_raises_if_a_coroutine_waits_for_an_event_loop():
    async def body():
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match=r"body.* waited for an event loop"):
        finish(body())


async def test_finish_closes_a_coroutine_that_waits():
    closed = []

    async def body():
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError):
        finish(body())
    assert closed == [True]


async def test_what_a_users_function_returned_is_awaited_if_it_has_to_be():
    async def later():
        return "later"

    assert [await settle("now"), await settle(later()), await settle(None)] == ["now", "later", None]


async def test_what_is_completed_may_be_awaited_and_never_suspends():
    async def body():
        return await Completed()

    assert finish(body()) is None
    assert await Completed() is None


# --- openings


class Door:
    """What is opened: a context manager that notes how it was used."""

    def __init__(self):
        self.notes = []

    async def __aenter__(self):
        self.notes.append("entered")
        return self

    async def __aexit__(self, *error):
        self.notes.append("left")


async def test_an_opening_is_awaited_or_entered():
    async def opened():
        return Door()

    assert (await Opening(opened())).notes == []
    async with Opening(opened()) as door:
        assert door.notes == ["entered"]
    assert door.notes == ["entered", "left"]
