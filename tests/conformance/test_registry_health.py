"""Health decides between up and down, and instances leave gracefully."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import pytest

from etcd_factory import errors
from tests.support.faces import BOUND, closed, in_time, settle, until
from tests.support.registering import KEY, discovered, register, stored, subscribe
from tests.support.watching import nothing_left, take, threads

SOON = 0.01  # seconds between checks


CHECK = "etcd_factory health check"


def running():
    """The names of what runs in the background."""
    return {one.name for one in threading.enumerate()} | {one.get_name() for one in asyncio.all_tasks()}


class Health:
    """A check that a test makes fail."""

    def __init__(self):
        self.is_healthy, self.made = True, 0

    def __call__(self):
        self.made += 1
        return self.is_healthy


@pytest.fixture
def health():
    return Health()


async def test_an_instance_whose_check_fails_is_down_until_it_succeeds_again(client, registry, health):
    (one,) = await register(registry, client, "a", check=health, interval=SOON)
    await register(registry, client, "b")
    _, lists = await subscribe(registry, client, threshold=0.9)
    health.is_healthy = False
    await lists.until("b")
    assert await discovered(registry, client, status="down") == "a"
    assert (one.instance.status, one.alive) == ("down", True)
    health.is_healthy = True
    await lists.until("ab")
    assert one.instance.status == "up"


async def test_a_healthy_instance_stays_up(client, registry, health):
    await register(registry, client, "a", check=health, interval=SOON)
    revision = (await stored(client)).mod_revision
    await until(lambda: health.made > 10)
    assert (await stored(client)).mod_revision == revision


async def test_the_check_of_a_url_decides(client, registry, backend):
    await register(registry, client, "a", check=f"http://{backend.address}/health", interval=SOON)
    _, lists = await subscribe(registry, client)
    backend.status = 503
    await lists.until("")
    backend.status = 204
    await lists.until("a")
    assert set(backend.paths) == {"/health"}


async def test_a_port_that_nobody_listens_on_is_down(client, registry):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        target = f"tcp://127.0.0.1:{held.getsockname()[1]}"
        await register(registry, client, "a", check=target, interval=SOON, failures=1)
        await until(lambda: discovered(registry, client, status="down"))


async def test_in_asyncio_a_check_may_be_async(client, registry, face, health):
    async def check():
        await asyncio.sleep(0)
        return health()

    (one,) = await register(registry, client, "a", check=health if face.is_blocking else check, interval=SOON)
    health.is_healthy = False
    await until(lambda: one.instance.status == "down")


async def test_a_paused_instance_is_paused_when_it_is_healthy_again(client, registry, health):
    (one,) = await register(registry, client, "a", check=health, interval=SOON)
    await settle(one.pause())
    health.is_healthy = False
    await until(lambda: one.instance.status == "down")
    await settle(one.resume())
    assert await discovered(registry, client, status="down") == "a"
    await settle(one.pause())
    health.is_healthy = True
    await until(lambda: discovered(registry, client, status="paused"))


async def test_an_unhealthy_instance_restores_itself_as_down(client, registry, health, recorder):
    (one,) = await register(registry, client, "a", check=health, interval=SOON)
    one.on("restored", recorder.handler("restored"))
    health.is_healthy = False
    await until(lambda: discovered(registry, client, status="down"))
    await settle(client.delete().key(KEY))
    await recorder.until("restored")
    assert await discovered(registry, client, status="down") == "a"


@pytest.mark.parametrize("ending", ["deregister", "close"])
async def test_checks_end_with_the_registration_and_with_the_client(make, registry, health, ending):
    before, own = threads(), make()
    (one,) = await register(registry, own, "a", check=health, interval=BOUND)
    await until(lambda: health.made)
    if ending == "deregister":
        await settle(one.deregister())
    await closed(own)
    await nothing_left(before)


async def test_checks_end_when_another_process_takes_the_id(make, registry, client, health, recorder):
    own = make()
    (one,) = await register(registry, own, "a", check=health, interval=SOON)
    assert CHECK in running()
    one.on("lost", recorder.handler("lost"))
    await register(registry, client, "a")
    await recorder.until("lost")
    await until(lambda: CHECK not in running())
    health.is_healthy = False
    assert await discovered(registry, client) == "a"


# --- draining


async def test_a_draining_instance_is_down_and_still_registered_until_the_time_is_over(client, registry):
    (one,) = await register(registry, client, "a")
    watcher = await settle(client.watch().key(KEY).create())
    await settle(one.deregister(drain=0.05))
    *marks, gone = await take(watcher, 3)
    assert [json.loads(mark.kv.value)["status"] for mark in marks] == ["down", "down"]
    assert (gone.type, one.alive) == ("delete", False)


async def test_views_drop_a_draining_instance_at_once_and_another_call_ends_the_wait(client, registry, face):
    one, _ = await register(registry, client, "a", "b")
    _, lists = await subscribe(registry, client, threshold=0.9)
    draining = face.begin(lambda: one.deregister(drain=10 * BOUND))
    await lists.until("b")
    assert one.alive
    assert await discovered(registry, client, status="down") == "a"
    await settle(one.deregister())
    await in_time(draining)
    assert await stored(client) is None


async def test_a_draining_instance_is_kept_alive(client, registry, face, recorder):
    (one,) = await register(registry, client, "a")
    one.on("restored", recorder.handler("restored"))
    draining = face.begin(lambda: one.deregister(drain=10 * BOUND))
    await until(lambda: discovered(registry, client, status="down"))
    await settle(client.delete().key(KEY))
    await recorder.until("restored")
    assert await discovered(registry, client, status="down") == "a"
    await settle(one.deregister())
    await in_time(draining)


async def test_a_cancelled_drain_removes_it_at_once(client, registry, face):
    (one,) = await register(registry, client, "a")
    if face.is_blocking:
        return
    draining = face.begin(lambda: one.deregister(drain=10 * BOUND))
    await until(lambda: discovered(registry, client, status="down"))
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    await until(lambda: gone(client))


async def gone(client):
    return await stored(client) is None


async def test_closing_the_client_ends_a_drain(make, registry, client, face):
    own = make()
    (one,) = await register(registry, own, "a")
    draining = face.begin(lambda: one.deregister(drain=10 * BOUND))
    await until(lambda: discovered(registry, client, status="down"))
    await closed(own)
    await in_time(draining)
    assert await stored(client) is None


async def test_what_is_deregistered_is_not_waited_for(client, registry, face):
    (one,) = await register(registry, client, "a")
    await settle(one.deregister())
    await in_time(face.begin(lambda: one.deregister(drain=10 * BOUND)))


@pytest.mark.parametrize("drain", [-1, "5", float("nan"), True])
async def test_an_invalid_drain_is_refused(client, registry, drain):
    (one,) = await register(registry, client, "a")
    with pytest.raises(ValueError, match="drain must be a number of seconds"):
        await settle(one.deregister(drain=drain))
    assert one.alive


@pytest.mark.parametrize("check", ["ftp://h", 5])
async def test_an_invalid_check_is_refused_before_anything_is_written(client, registry, check):
    with pytest.raises((TypeError, ValueError), match="check must be"):
        await register(registry, client, "a", check=check)
    assert await stored(client) is None
    with pytest.raises(errors.NoInstanceError):
        (await settle(registry(client).subscribe("user"))).pick()
