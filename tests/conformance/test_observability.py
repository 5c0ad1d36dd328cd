"""What hooks learn of a client on a real etcd, over both transports."""

from __future__ import annotations

import pytest

from etcd_factory import Call, Callback, Connected, Delivered, Disconnected, LeaseRenewed, Watching, errors
from tests.support.faces import failure, settle
from tests.support.leasing import hex_id
from tests.support.watching import put, take

TRANSPORTS = ("h2", "grpc")


@pytest.fixture(params=TRANSPORTS)
def observed(request, make, observer):
    """Makes clients whose hook is the observer."""

    def create(**options):
        client = make(transport=request.param, **options)
        client.on_call(observer.hook)
        return client

    return create


async def test_calls_are_told_with_where_they_went_and_how_long_they_took(observed, observer, etcd_server):
    client = observed()
    await settle(client.put("k").value("v"))
    await settle(client.get("k").string())
    await settle(client.delete().key("k"))
    calls = observer.of(Call)
    assert [call.method for call in calls] == ["Put", "Range", "DeleteRange"]
    for call in calls:
        (attempt,) = call.attempts
        assert (call.code, call.endpoint, attempt.code) == ("OK", etcd_server.endpoint, "OK")
        assert 0 <= attempt.start < attempt.start + attempt.duration <= call.duration


async def test_a_refused_call_is_told_with_its_status(observed, observer):
    client = observed()
    await failure(lambda: client.put("k").lease(12345).value("v"))
    (call,) = observer.of(Call)
    assert (call.method, call.code, call.error, call.retries) == ("Put", "NOT_FOUND", errors.LeaseNotFoundError, 0)


async def test_a_write_goes_to_the_next_host_and_both_attempts_are_told(observed, observer, refusing, etcd_server):
    client = observed(hosts=[refusing, etcd_server.endpoint])
    await settle(client.put("k").value("v"))
    (call,) = observer.of(Call)
    assert [(one.endpoint, one.code) for one in call.attempts] == [
        (refusing, "UNAVAILABLE"),
        (etcd_server.endpoint, "OK"),
    ]


async def test_a_snapshot_is_a_call(observed, observer, tmp_path):
    await settle(observed().maintenance.snapshot(tmp_path / "snapshot.db"))
    assert [(call.method, call.code) for call in observer.of(Call) if call.method == "Snapshot"] == [("Snapshot", "OK")]


async def test_the_events_of_a_watch_are_told_when_they_are_read(observed, observer):
    client = observed()
    watcher = await settle(client.watch().create())
    await put(client, "a")
    assert observer.of(Delivered) == []
    await take(watcher)
    (read,) = observer.of(Delivered)
    assert (read.events, read.lag >= 0, observer.of(Callback)) == (1, True, [])
    assert [one.again for one in observer.of(Connected)] == [False]


async def test_so_are_those_of_a_local_watch_of_a_mirror_each_time_to_its_reader_or_handlers(
    observed, observer, recorder
):
    client = observed()
    mirror = await settle(client.mirror())
    watcher, _ = mirror.watch(), recorder.on(mirror.watch("b"), "put")
    await put(client, "a")
    await put(client, "b")
    await recorder.until("put")
    assert [read.events for read in observer.of(Delivered)] == [1]  # to the handler
    await take(watcher, 2)
    assert [(read.events, read.lag >= 0) for read in observer.of(Delivered)] == [(1, True)] * 3
    assert [called.events for called in observer.of(Callback)] == [1]


async def test_handlers_are_called_within_what_a_hook_returns(observed, observer, recorder):
    client = observed()
    client.on_call(lambda activity: Around(recorder) if isinstance(activity, Callback) else None)
    await settle(recorder.on(client.watch(), "put").create())
    await put(client, "a")
    await recorder.until("leave")
    assert recorder.names == ["enter", "put", "leave"]
    (began,), (called,) = observer.of(Watching), observer.of(Callback)
    assert began.watch is called.watch


async def test_what_a_handler_raises_is_known_to_what_a_hook_returns(observed, recorder):
    def broken(event):
        raise KeyError(event)

    client = observed()
    client.on_call(lambda activity: Around(recorder) if isinstance(activity, Callback) else None)
    await settle(client.watch().on("put", broken).create())
    await put(client, "a")
    await recorder.until("leave")
    assert recorder.calls[-1] == ("leave", KeyError)


class Around:
    """A context manager that records when it is entered, and left by what."""

    def __init__(self, recorder):
        self._recorder = recorder

    def __enter__(self):
        self._recorder("enter")

    def __exit__(self, kind, error, trace):
        self._recorder("leave", kind)


async def test_a_watch_that_is_reconnected_is_told(observed, observer, fragile):
    await settle(observed(hosts=[fragile.endpoint]).watch().create())
    fragile.restart()
    await observer.until("Connected", 2)
    assert [(one.stream, one.again) for one in observer.of(Connected)] == [("watch", False), ("watch", True)]
    assert {(one.stream, one.error) for one in observer.of(Disconnected)} == {("watch", errors.ConnectionFailedError)}


async def test_renewals_and_the_loss_of_a_lease_are_told(observed, observer, etcdctl):
    lease = observed().lease(1)
    await settle(lease.grant())
    await observer.until("LeaseRenewed", 2)
    assert {(one.lease, one.ttl) for one in observer.of(LeaseRenewed)} == {(lease.id, lease.ttl)}
    etcdctl("lease", "revoke", hex_id(lease))
    await observer.until("LeaseLost")
