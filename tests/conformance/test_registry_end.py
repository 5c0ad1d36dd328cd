"""How registrations end: deregistered, at the end of their block, with their client, or because they failed."""

from __future__ import annotations

import json

import pytest

from etcd_factory import errors
from tests.support.faces import closed, enter, settle
from tests.support.registering import KEY, discovered, register, stored
from tests.support.transports import Altered, Failing
from tests.support.watching import nothing_left, take, threads

DENIED = "etcdserver: permission denied"


@pytest.mark.anchor("registry-d16")
async def test_deregistering_marks_the_key_then_revokes_its_lease(client, registry):
    (one,) = await register(registry, client, "a")
    lease = (await stored(client)).lease
    watcher = await settle(client.watch().key(KEY).create())
    await settle(one.deregister())
    await settle(one.deregister())
    marked, gone = await take(watcher, 2)
    assert (marked.type, json.loads(marked.kv.value)["status"], gone.type) == ("put", "down", "delete")
    assert (await settle(client.lease_of(lease).time_to_live())).ttl == -1
    assert not one.alive
    with pytest.raises(errors.ClientClosedError):
        await settle(one.pause())


async def test_the_end_of_its_block_deregisters_it(client, registry, face):
    if face.is_blocking:
        with registry(client).register("user", "a"):
            assert await discovered(registry, client) == "a"
    else:
        async with registry(client).register("user", "a"):
            assert await discovered(registry, client) == "a"
    assert await stored(client) is None


# --- with its client


@pytest.mark.anchor("registry-p12", "registry-d15", "registry-d21")
async def test_closing_the_client_deregisters_all_and_is_idempotent(make, registry, client):
    before, own = threads(), make()
    made = await register(registry, own, "a", "b", "c", ttl=60)
    leases = [(await stored(client, f"services/user/{name}")).lease for name in "abc"]
    for one in made:
        one.on("lost", print)
    await closed(own)
    await closed(own)
    assert await discovered(registry, client, status=None) == ""
    assert [(await settle(client.lease_of(lease).time_to_live())).ttl for lease in leases] == [-1] * 3
    with pytest.raises(errors.ClientClosedError):
        await register(registry, own, "d")
    await settle(made[0].deregister())
    await nothing_left(before)


@pytest.mark.anchor("registry-d15")
async def test_a_registration_that_cannot_be_removed_does_not_stop_the_others(make, wrap, registry, client, caplog):
    failing = []  # the lease that cannot be revoked

    def is_failing(call):
        return call.method == "LeaseRevoke" and call.request.ID in failing

    own = make(transport=wrap(Failing, is_failing, errors.DeadlineExceededError("by the test")))
    await register(registry, own, *"abc", ttl=60)
    failing.append((await stored(client, "services/user/b")).lease)
    await closed(own)
    assert await discovered(registry, client) == ""
    assert await discovered(registry, client, status="down") == "b"
    assert "b could not be deregistered and expires by its ttl" in caplog.text


@pytest.mark.anchor("registry-p12")
async def test_closing_the_factory_deregisters_all(face, options, registry, client):
    factory = await enter(face.factory({"client": options}))
    await register(registry, factory.get(), "a", ttl=60)
    assert await discovered(registry, client) == "a"
    await closed(factory)
    assert await discovered(registry, client, status=None) == ""


# --- failing to begin


async def test_a_registration_whose_watch_is_refused_leaves_nothing(make, wrap, registry, client):
    def refuse(message):
        message.canceled, message.cancel_reason = True, DENIED
        return message

    with pytest.raises(errors.PermissionDeniedError):
        await register(registry, make(transport=wrap(Altered, "Watch", refuse)), "a", ttl=60)
    assert await stored(client) is None


async def test_a_registration_that_is_refused_leaves_nothing_running(make, registry, refusing):
    before, client = threads(), make(hosts=[refusing], timeout=0.5)
    with pytest.raises(errors.ConnectionFailedError):
        await register(registry, client, "a")
    await nothing_left(before)


# --- handlers


async def test_handlers_may_use_the_registration(client, registry, recorder, face):
    """Being notified of their own changes is no deadlock."""

    async def lost(one):
        await settle(one.update({"heard": True}))
        await settle(one.deregister())
        recorder("done")

    def blocking(one):
        one.update({"heard": True})
        one.deregister()
        recorder("done")

    (one,) = await register(registry, client, "a")
    one.on("lost", blocking if face.is_blocking else lost)
    await settle(client.delete().key(KEY))
    await recorder.until("done")
    assert await stored(client) is None


async def test_an_unknown_event_is_refused(client, registry):
    (one,) = await register(registry, client, "a")
    with pytest.raises(ValueError, match=r"event of a registration: .* got 'losts'; did you mean 'lost'"):
        one.on("losts", print)
