"""Mistakes of newcomers: each is an error whose text says what to write instead."""

from __future__ import annotations

import asyncio
import copy
import inspect
import multiprocessing
import pickle
import re

import pytest

from etcd_factory import AsyncETCDService, ETCDService, errors, ops
from etcd_factory.configcenter import AsyncConfigCenter, ConfigCenter
from etcd_factory.registry import AsyncEtcdService, AsyncServiceRegistry, EtcdService, ServiceRegistry
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, enter, settle

SCRIPT = {"Watch": replies.watch(), "Range": replies.get(), "Put": replies.put()}


@pytest.fixture
async def scripted(face):
    """A service without a server."""
    one = face.service({"hosts": "h:1"}, transport=ScriptedTransport(SCRIPT))
    yield one
    await closed(one)


# --- wrong calls

PUT = r"write put\('k'\)\.value\('v'\)"
DELETE = r"write delete\(\)\.key\('k'\), or prefix\(\), range\(\) or all\(\)"
GET_ALL = r"write get_all\(\)\.prefix\('p'\)\.keys\(\), or range\(\) or all\(\)"
CALLED = {
    "put": (lambda c: c.put("k", "v"), f"takes 2 positional arguments but 3 were given; {PUT}"),
    "put with a name": (lambda c: c.put("k", value="v"), f"unexpected keyword argument 'value'; {PUT}"),
    "put of nothing": (lambda c: c.put(), f"missing 1 required positional argument: 'key'; {PUT}"),
    "delete": (lambda c: c.delete("k"), DELETE),
    "delete a prefix": (lambda c: c.delete(prefix="p"), DELETE),
    "get_all": (lambda c: c.get_all("p"), GET_ALL),
    "get": (lambda c: c.get("a", "b"), r"write get\('k'\)\.string\(\), or get_all\(\)\.prefix\('k'\)"),
    "txn": (lambda c: c.txn(ops.get("k")), r"write txn\(\)\.then\(ops\.put\('k'\)\.value\('v'\)\)\.commit\(\)"),
    "if_": (lambda c: c.if_("k"), r"write if_\('k', 'version', '==', 0\)\.then\("),
    "watch": (lambda c: c.watch("k"), r"write watch\(\)\.key\('k'\)\.create\(\)"),
    "ops": (lambda c: ops.put("k", "v"), PUT),
    "with_options": (lambda c: c.with_options(tiemout=1), r"argument 'tiemout'.*; write with_options\(timeout=1\)"),
}


@pytest.mark.parametrize("name", CALLED)
def test_a_call_with_wrong_arguments_shows_how_to_write_it(scripted, name):
    call, text = CALLED[name]
    with pytest.raises(TypeError, match=text):
        call(scripted)


def test_an_error_of_the_arguments_themselves_has_no_such_example(scripted):
    with pytest.raises(TypeError, match=r"^a key must be str or bytes, not int$"):
        scripted.put(3)


def test_a_subclass_shows_it_once():
    class Mine(ETCDService):
        pass

    with Mine(transport=ScriptedTransport([])) as client, pytest.raises(TypeError) as caught:
        client.put("k", "v")
    assert str(caught.value).count("write put") == 1


def test_the_signature_stays(face):
    assert list(inspect.signature(face.service.put).parameters) == ["self", "key"]


IN_STM = {
    "put": (lambda tx: tx.put("k", "v"), r"write tx\.put\('k'\)\.value\('v'\)"),
    "delete": (lambda tx: tx.delete("k"), r"write tx\.delete\(\)\.key\('k'\), or prefix\(\)"),
    "get": (lambda tx: tx.get(), r"write tx\.get\('k'\)\.string\(\)"),
}


@pytest.mark.parametrize("name", IN_STM)
async def test_so_does_one_in_a_software_transaction(scripted, fitted, name):
    call, text = IN_STM[name]

    async def body(tx):
        call(tx)

    with pytest.raises(TypeError, match=text):
        await settle(scripted.stm().transact(fitted(body)))


# --- builders that are used as if they were results

BUILT = {
    "get": lambda c: c.get("k"),
    "get_all": lambda c: c.get_all(),
    "put": lambda c: c.put("k"),
    "delete": lambda c: c.delete(),
    "txn": lambda c: c.txn(),
    "watch": lambda c: c.watch(),
}
TERMINAL = {"get": "string()", "get_all": "keys()", "put": "value()", "delete": "prefix()", "txn": "commit()"}


@pytest.mark.parametrize("name", TERMINAL)
async def test_awaiting_a_builder_names_its_terminals(face, scripted, name):
    builder = BUILT[name](scripted)
    verb = "call" if face.is_blocking else "await"
    with pytest.raises(TypeError, match=re.escape(f"{builder!r} cannot be awaited: {verb} ")) as caught:
        await builder
    assert TERMINAL[name] in str(caught.value)
    assert ("AsyncETCDService" in str(caught.value)) is face.is_blocking


async def test_entering_a_watch_says_to_create_it(face, scripted):
    how = "call create()" if face.is_blocking else "enter create() with 'async with'"
    with pytest.raises(TypeError, match=re.escape(f"<Watch key b'k' of h:1> cannot be entered: {how}")):
        await enter(scripted.watch().key("k"))


async def test_iterating_over_a_watch_says_to_create_it(scripted):
    with pytest.raises(TypeError, match=r"cannot be iterated over: (call|await) create\(\)"):
        next(iter(scripted.watch()))


def test_unpacking_a_read_as_python_etcd3_returns_it_names_the_terminals(scripted):
    with pytest.raises(TypeError, match=r"<Get 'k' of h:1> cannot be iterated over: .* kv\(\)"):
        _value, _meta = scripted.get("k")


def test_a_read_as_a_condition_names_the_terminals(scripted):
    with pytest.raises(TypeError, match=r"<Get 'k' of h:1> cannot be used as a condition: .* exists\(\)"):
        assert scripted.get("k")


async def test_awaiting_a_lease_of_asyncio_says_to_enter_it():
    async with AsyncETCDService(transport=ScriptedTransport([])) as client:
        with pytest.raises(TypeError, match=r"^<Lease not granted .*> cannot be awaited: enter it with 'async with'"):
            await client.lease(5)
    with ETCDService(transport=ScriptedTransport([])) as client:
        assert not inspect.isawaitable(client.lease(5))


async def test_awaiting_a_lock_of_asyncio_says_what_to_write():
    async with AsyncETCDService(transport=ScriptedTransport([])) as client:
        with pytest.raises(TypeError, match=r"^<Lock 'a' not held> cannot be awaited: enter .*, as acquire\(\)$"):
            await client.lock("a")
    with ETCDService(transport=ScriptedTransport([])) as client:
        assert not inspect.isawaitable(client.lock("a"))


@pytest.mark.parametrize("value", ["x", None, 1])
def test_comparing_a_read_names_the_terminals(scripted, value):
    with pytest.raises(TypeError, match=r"<Get 'k' of h:1> cannot be compared: .* string\(\)"):
        assert scripted.get("k") == value


async def test_what_a_function_returns_is_not_awaited_for_that(client):
    """A lease is a result like any other."""
    lease = client.lease(5)
    assert await settle(client.lock("name").do(lambda: lease)) is lease


async def test_what_is_not_awaited_yet_says_so():
    async with AsyncETCDService(transport=ScriptedTransport([])) as client:
        opening = client.watch().create()
        with pytest.raises(
            AttributeError, match=r"no attribute 'take'; create\(\) is not awaited yet: await it, or enter"
        ):
            opening.take()
        assert not hasattr(opening, "__wrapped__")
        opening.close()


async def test_a_builder_of_ops_says_where_operations_go():
    with pytest.raises(TypeError, match=r"and pass its result to then\(\), else_\(\) or batch\(\)$"):
        await ops.put("k")


async def test_a_function_that_returns_a_builder_in_place_of_a_result_is_found_out(face, client):
    """In asyncio, where what it returns is awaited; a plain function may return anything."""
    lock = client.lock("name")
    if face.is_blocking:
        assert repr(lock.do(lambda: client.get("k"))).startswith("<Get 'k'")
    else:
        with pytest.raises(TypeError, match=r"<Get 'k' of .* cannot be awaited"):
            await lock.do(lambda: client.get("k"))


# --- with in place of async with, and the reverse

BLOCKS = {
    "service": lambda face, c: c,
    "factory": lambda face, c: face.factory(),
    "lock": lambda face, c: c.lock("name"),
    "lease": lambda face, c: c.lease(5),
    "observer": lambda face, c: c.election("name").observe(),
}


@pytest.mark.parametrize("name", BLOCKS)
async def test_the_block_of_the_other_face_is_an_error_that_says_which_to_write(face, scripted, name):
    entered = BLOCKS[name](face, scripted)
    if face.is_blocking:
        with pytest.raises(TypeError, match=r"enter it with 'with'$"):
            async with entered:
                pass
    else:
        with pytest.raises(TypeError, match=r"enter it with 'async with'$"), entered:
            pass
    if name == "factory":
        await closed(entered)


OPENED = {
    "acquire": lambda c: c.lock("name").acquire(),
    "campaign": lambda c: c.election("name").campaign(),
    "create": lambda c: c.watch().create(),
    "mirror": lambda c: c.mirror("p"),
}


@pytest.mark.parametrize("name", OPENED)
async def test_with_on_what_asyncio_opens_is_such_an_error_and_opens_nothing(name):
    transport = ScriptedTransport([])
    async with AsyncETCDService(transport=transport) as client:
        opening = OPENED[name](client)
        with pytest.raises(TypeError, match=rf"^{name}\(\) of an asyncio client: enter it with 'async with'$"), opening:
            pass
    assert transport.calls == []


# --- attributes that do not exist

HANDLES = {
    "service": lambda c: c,
    "namespace": lambda c: c.namespace("n/"),
    "lock": lambda c: c.lock("name"),
    "election": lambda c: c.election("name"),
    "observer": lambda c: c.election("name").observe(),
    "lease": lambda c: c.lease(5),
    "stm": lambda c: c.stm(),
    "role": lambda c: c.role("r"),
    "user": lambda c: c.user("u"),
    "auth": lambda c: c.auth,
    "cluster": lambda c: c.cluster,
    "maintenance": lambda c: c.maintenance,
    **BUILT,
    "ops": lambda c: ops.put("k"),
}
REGISTRIES = {ETCDService: ServiceRegistry, AsyncETCDService: AsyncServiceRegistry}
CENTERS = {ETCDService: ConfigCenter, AsyncETCDService: AsyncConfigCenter}
NEST = {ETCDService: EtcdService, AsyncETCDService: AsyncEtcdService}
ON_SERVICES = {
    "registry": lambda c: REGISTRIES[type(c)](c),
    "config center": lambda c: CENTERS[type(c)](c),
    "etcd service": lambda c: NEST[type(c)](c),
}
RUNNING = {
    "watcher": lambda c: c.watch().key("k").create(),
    "mirror": lambda c: c.mirror("m/"),
    "leadership": lambda c: c.election("name").campaign(),
    "registration": lambda c: REGISTRIES[type(c)](c).register("s", host="h", port=1),
    "view": lambda c: REGISTRIES[type(c)](c).subscribe("s"),
    "live": lambda c: CENTERS[type(c)](c).live(default={}),
}


def refuses(handle):
    """Whether a handle refuses an attribute that it does not have, and keeps working."""
    with pytest.raises(AttributeError):
        handle.nothing = 10
    return not hasattr(handle, "nothing")


@pytest.mark.parametrize("name", {**HANDLES, **ON_SERVICES})
def test_an_attribute_that_a_handle_does_not_have_is_refused(scripted, name):
    assert refuses({**HANDLES, **ON_SERVICES}[name](scripted))


async def test_a_factory_refuses_it_too(face):
    factory = face.factory()
    assert refuses(factory)
    await closed(factory)


@pytest.mark.parametrize("name", RUNNING)
async def test_so_do_those_that_run(client, name):
    handle = await settle(RUNNING[name](client))
    assert refuses(handle)
    await settle(end(handle))


def end(handle):
    """End what runs, by whichever name it has for that."""
    return next(
        getattr(handle, name) for name in ("cancel", "close", "resign", "deregister") if hasattr(handle, name)
    )()


def test_the_error_says_where_options_go_or_what_was_meant(scripted):
    with pytest.raises(AttributeError, match=r"^Lock has no attribute 'ttl'; options are passed to the call"):
        scripted.lock("name").ttl = 10
    with pytest.raises(AttributeError, match=r"has no attribute 'endpoints'; did you mean 'endpoint'\?$"):
        scripted.endpoints = ["h:2"]


def test_a_property_cannot_be_set(scripted):
    for handle, name in ((scripted, "options"), (scripted.lock("name"), "held"), (scripted.lease(5), "ttl")):
        with pytest.raises(AttributeError):
            setattr(handle, name, 1)


def test_a_subclass_may_have_attributes_of_its_own_and_a_method_may_be_replaced(face):
    class Mine(face.service):
        def __init__(self):
            super().__init__(transport=ScriptedTransport([]))
            self.tenant = "t"

    client = Mine()
    client.color = "red"
    assert (client.tenant, client.namespace("n").color) == ("t", "red")
    plain = face.service(transport=ScriptedTransport([]))
    plain.health = lambda: "fine"
    assert plain.health() == "fine"


# --- clients in other processes

PICKLED = {
    "service": lambda face, c: c,
    "namespace": lambda face, c: c.namespace("n/"),
    "builder": lambda face, c: c.get("k"),
    "lock": lambda face, c: c.lock("name"),
    "lease": lambda face, c: c.lease(5),
    "registry": lambda face, c: REGISTRIES[face.service](c),
}


@pytest.mark.parametrize("name", PICKLED)
def test_what_uses_a_client_cannot_be_pickled_and_says_what_to_do(face, scripted, name):
    for give in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"cannot be pickled, .* make one in each process$"):
            give(PICKLED[name](face, scripted))


async def test_nor_can_a_factory(face):
    factory = face.factory({"client": {}})
    with pytest.raises(TypeError, match=r"Factory cannot be pickled, .* make one in each process$"):
        pickle.dumps(factory)
    await closed(factory)


def test_a_subclass_may_say_how_it_is_pickled(face):
    client = Pickled[face.name]({"hosts": "h:1"})
    assert pickle.loads(pickle.dumps(client)).options.hosts == ("http://h:1",)
    assert copy.copy(client.namespace("n/")).options is client.options


class Blocking(ETCDService):
    def __reduce__(self):
        return Blocking, ({"hosts": self.options.hosts},)


class Awaited(AsyncETCDService):
    def __reduce__(self):
        return Awaited, ({"hosts": self.options.hosts},)


Pickled = {"blocking": Blocking, "asyncio": Awaited}


def test_a_client_given_to_another_process_is_that_error(scripted):
    process = multiprocessing.get_context("spawn").Process(target=repr, args=(scripted,))
    with pytest.raises(TypeError, match="make one in each process"):
        process.start()


# --- locks, mirrors, event loops


async def test_a_lock_that_is_not_held_says_to_acquire_it(client, etcdctl, options):
    lock = client.lock("name")
    for use in (lambda: lock.fencing_token, lambda: lock.key):
        with pytest.raises(errors.LockFailedError, match=r"^the lock 'name' is not held: acquire it, or enter it"):
            use()
    with pytest.raises(errors.LockFailedError, match="is not held: acquire it, or enter it"):
        await settle(lock.release())


async def test_a_mirror_that_fails_names_its_prefix(face, refusing):
    client = face.service({"hosts": refusing, "timeout": 0.2})
    with pytest.raises(errors.ConnectionFailedError, match=r"^mirror the prefix b'users/' at "):
        await settle(client.mirror("users/"))
    await closed(client)


def drive(body):
    """Run a coroutine as an event loop that is not asyncio's does: one that has to wait has failed."""
    try:
        body.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


IN_TRIO = {
    "get": lambda c: c.get("k").string(),
    "lease": lambda c: c.lease(5).grant(),
    "watch": lambda c: c.watch().create().__await__(),
    "lock": lambda c: c.lock("name").acquire().__await__(),
    "close": lambda c: c.aclose(),
}


@pytest.mark.parametrize("name", IN_TRIO)
def test_an_asyncio_client_without_an_event_loop_says_what_it_needs(name):
    client = AsyncETCDService({"hosts": "127.0.0.1:1"})
    call = IN_TRIO[name](client)
    with pytest.raises(
        RuntimeError, match="no running event loop: an asyncio client needs asyncio's; with trio, call a blocking"
    ):
        drive(call)
    asyncio.run(client.aclose())
