"""Views in a forked child: what is read there is current, whatever is read first; registrations are the parent's."""

import pytest

from tests.support.forks import needs_fork, needs_grpc_in_child, run_script

VIEWS = """
from etcd_factory.configcenter import ConfigCenter
from etcd_factory.registry import ServiceRegistry, EtcdService

etcd = ETCDService(options)
center, registry = ConfigCenter(etcd), ServiceRegistry(etcd)
"""
MIRROR = (
    VIEWS
    + """
def child():
    changed = etcd.put("m/new").value("new")
    {first}
    assert mirror.connected
    assert {{key: kv.text for key, kv in mirror.items()}} == {{b"m/old": "old", b"m/new": "new"}}
    assert mirror.revision >= changed.revision
    etcd.put("m/later").value("later")
    assert mirror.get("m/later", fresh=True).string() == "later"
    until(lambda: len(mirror) == 3)
    mirror.close()
    etcd.close()

etcd.put("m/old").value("old")
mirror = etcd.mirror("m/")
run_in_child(child)
assert mirror.get("m/later", fresh=True).string() == "later"  # the parent's follows on
assert mirror.connected
etcd.close()
"""
)
FIRST = {
    "item": 'assert mirror[b"m/new"].text == "new"',
    "get": 'assert mirror.get("m/new").string() == "new"',
    "fresh": 'assert mirror.get("m/new", fresh=True).string() == "new"',
    "in": 'assert b"m/new" in mirror',
    "len": "assert len(mirror) == 2",
    "iter": 'assert [*mirror] == [b"m/new", b"m/old"]',
    "copy": "assert len(mirror.copy()) == 2",
    "connected": "assert mirror.connected",
    "revision": "assert mirror.revision >= changed.revision",
    "wait": "mirror.wait(changed.revision)",
    "on": 'mirror.on("change", print)',
}
HANDLERS = (
    VIEWS
    + """
def child():
    etcd.put("m/while").value("1")
    etcd.delete().key("m/old")
    assert b"m/while" in mirror
    etcd.put("m/later").value("2")
    until(lambda: len(seen) == 4)
    assert set(seen[1:3]) == {("m/old", None), (None, "m/while")}
    assert seen[3] == (None, "m/later")
    etcd.close()

def handler(old, new):
    seen.append((old and old.key.decode(), new and new.key.decode()))

seen = []
mirror = etcd.mirror("m/").on("change", handler)
etcd.put("m/old").value("0")
until(lambda: seen == [(None, "m/old")])
run_in_child(child)
until(lambda: len(seen) == 4)
etcd.close()
"""
)
LIVE = (
    VIEWS
    + """
def child():
    center.save("level", "new")
    {first}
    assert (live.value.level, live.source, live.error) == ("new", "etcd", None)
    until(lambda: seen == [("old", "new")])
    center.save("level", "later")
    until(lambda: live.value.level == "later")
    until(lambda: seen == [("old", "new"), ("new", "later")])
    live.close()
    assert live.value.level == "later"
    etcd.close()

center.save("level", "old")
seen = []
live = center.live().on_change(lambda old, new: seen.append((old.level, new.level)))
assert live.value.level == "old"
run_in_child(child)
until(lambda: live.value.level == "later")
etcd.close()
"""
)
LIVE_FIRST = {
    "value": 'assert live.value.level == "new"',
    "error": "assert live.error is None",
    "source": 'assert live.source == "etcd"',
    "revision": 'assert live.revision == etcd.get("config/level").kv().mod_revision',
    "layers": 'assert any(part.values == {"level": "new"} for part in live.config_layers())',
    "on_change": "live.on_change(lambda old, new: None)",
}
SERVICES = (
    VIEWS
    + """
def ids():
    return [one.id for one in view.instances]

def child():
    for one in gone:
        etcd.delete().key(f"services/user/{{one}}")
    etcd.put("services/user/b").value('{{"metadata": {{}}, "ttl": 60}}')
    {first}
    assert ids() == ["b"]  # nothing of before is held back
    with registry.register("user", "c"):
        until(lambda: ids() == ["b", "c"])
    until(lambda: ids() == ["b"])
    with registry.subscribe("user") as other:
        assert other.pick().id == "b"
    until(lambda: [one.id for one in seen[-1]] == ["b"])
    view.close()
    etcd.close()

gone = ["a", "d"]
for one in gone:
    etcd.put(f"services/user/{{one}}").value('{{"metadata": {{}}, "ttl": 60}}')
seen = []
view = registry.subscribe("user", load_balancer="least_connections", threshold=0.9)
view.on("change", seen.append)
assert ids() == gone
run_in_child(child)
until(lambda: "b" in ids())
etcd.close()
"""
)
SERVICES_FIRST = {
    "instances": 'assert ids() == ["b"]',
    "pick": 'assert view.pick().id == "b"',
    "on": 'view.on("change", print)',
    "use": """
    with view.use() as instance:
        assert instance.id == "b"
""",
}
REGISTRATION = (
    VIEWS
    + """
from etcd_factory.errors import ClientClosedError

def child():
    for one in made:
        assert not one.alive
        for use in (one.deregister, one.pause, one.resume, lambda: one.update(weight=2), lambda: one.on("lost", print)):
            error = raises(use)
            assert isinstance(error, ClientClosedError), error
            assert "belongs to the process that made it" in str(error), error
        one.__exit__(None, None, None)
    with registry.register("user", "b"):
        assert len(registry.discover("user")) == 2
    etcd.close()

made = [registry.register("user", "a", ttl=2), EtcdService(etcd).register_service("aaa", "1", {})]
before = [etcd.get_all().prefix(prefix).kvs() for prefix in ("services/", "/services/")]
run_in_child(child)
assert all(one.alive for one in made)
assert [etcd.get_all().prefix(prefix).kvs() for prefix in ("services/", "/services/")] == before
made[0].update(weight=3)
assert [one.weight for one in registry.discover("user")] == [3]
etcd.close()
"""
)
INNER = (
    VIEWS
    + """
from contextlib import ExitStack

def child():
    stack.close()  # leaves the blocks
    etcd.close()

mirror, live, view = etcd.mirror("m/"), center.live(), registry.subscribe("user")
registration, watcher = registry.register("user", "a"), etcd.watch().prefix("m/").create()
lock, lease = etcd.lock("name").acquire(), etcd.lease(60)
lease.put("m/leased").value("1")
stack = ExitStack()
for one in (mirror, live, view, registration, lock, lease, watcher):
    stack.enter_context(one)
run_in_child(child)
assert (registration.alive, lock.held, lease.alive, mirror.connected) == (True, True, True, True)
assert next(watcher).kv.text == "1"
center.save("level", "new")
until(lambda: live.value.get("level") == "new")
until(lambda: [one.id for one in view.instances] == ["a"])
assert etcd.get("m/leased").string() == "1"
etcd.close()
"""
)
CLOSED = (
    VIEWS
    + """
def child():
    etcd.put("m/new").value("new")
    assert [*mirror] == [b"m/old"]
    assert not mirror.connected
    assert live.value.level == "old"
    assert isinstance(raises(lambda: mirror.wait(10**9)), ClientClosedError)
    etcd.close()

from etcd_factory.errors import ClientClosedError
etcd.put("m/old").value("old")
center.save("level", "old")
mirror, live = etcd.mirror("m/"), center.live()
mirror.close()
live.close()
run_in_child(child)
etcd.close()
"""
)
GRANDCHILD = (
    VIEWS
    + """
def grandchild():
    etcd.put("m/k").value("third")
    assert (mirror[b"m/k"].text, live.value.level) == ("third", "second")
    assert not lock.held
    etcd.close()

def child():
    if used:
        etcd.put("m/k").value("second")
        center.save("level", "second")
        assert (mirror[b"m/k"].text, live.value.level) == ("second", "second")
    run_in_child(grandchild)
    if used:
        until(lambda: mirror[b"m/k"].text == "third")

etcd.put("m/k").value("first")
center.save("level", "first")
mirror, live, lock = etcd.mirror("m/"), center.live(), etcd.lock("name").acquire()
for used in [True] * 8 + [False]:
    run_in_child(child)
until(lambda: mirror[b"m/k"].text == "third")
assert lock.held
etcd.close()
"""
)
BUSY = (
    VIEWS
    + """
def work(use):
    while not over.is_set():
        use()

def use():
    with view.use():
        pass

def wait():
    mirror.wait(mirror.revision)

def write():
    etcd.put("m/k").value(str(time.monotonic()))
    center.save("level", str(time.monotonic()))

def child():
    etcd.put("m/k").value("child")
    assert mirror.get("m/k", fresh=True).string() is not None
    assert len(mirror.copy()) == 1
    mirror.wait(mirror.revision)
    live.value
    use()
    registry.subscribe("user").close()
    assert not registration.alive
    mirror.close()
    etcd.close()

write()
over = threading.Event()
mirror, live, registration = etcd.mirror("m/"), center.live(), registry.register("user", "a")
mirror.on("change", lambda old, new: None)
view = registry.subscribe("user", load_balancer="least_connections")
uses = [use, mirror.copy, wait, write, lambda: mirror.get("m/k", fresh=True).string()]
threads = [threading.Thread(target=work, args=(one,)) for one in uses]
for thread in threads:
    thread.start()
try:
    for _ in range(10):
        run_in_child(child)
finally:
    over.set()
    for thread in threads:
        thread.join()
assert registration.alive
etcd.close()
"""
)

pytestmark = [needs_fork, needs_grpc_in_child]


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_a_mirror_is_current_in_a_child_whatever_is_used_first(etcd_server, etcd_namespace, first):
    run_script(MIRROR.format(first=first), etcd_server, etcd_namespace)


def test_handlers_of_a_mirror_are_called_in_a_child_with_what_changed_since_the_fork(etcd_server, etcd_namespace):
    run_script(HANDLERS, etcd_server, etcd_namespace)


@pytest.mark.parametrize("first", LIVE_FIRST.values(), ids=LIVE_FIRST)
def test_a_live_configuration_is_current_in_a_child(etcd_server, etcd_namespace, first):
    run_script(LIVE.format(first=first).replace("{{", "{").replace("}}", "}"), etcd_server, etcd_namespace)


@pytest.mark.parametrize("first", SERVICES_FIRST.values(), ids=SERVICES_FIRST)
def test_a_view_of_a_service_is_current_in_a_child(etcd_server, etcd_namespace, first):
    run_script(SERVICES.format(first=first), etcd_server, etcd_namespace)


def test_a_registration_stays_the_parents(etcd_server, etcd_namespace):
    run_script(REGISTRATION, etcd_server, etcd_namespace)


def test_blocks_left_in_a_child_end_nothing_of_the_parents(etcd_server, etcd_namespace):
    run_script(INNER, etcd_server, etcd_namespace)


def test_what_was_closed_before_the_fork_stays_closed(etcd_server, etcd_namespace):
    run_script(CLOSED, etcd_server, etcd_namespace)


def test_views_are_current_in_the_child_of_a_child(etcd_server, etcd_namespace):
    """gRPC crashed in most runs where stacks of threads were at the same address."""
    run_script(GRANDCHILD, etcd_server, etcd_namespace)


def test_locks_held_by_other_threads_at_the_fork_do_not_block_a_child(etcd_server, etcd_namespace):
    run_script(BUSY, etcd_server, etcd_namespace)
