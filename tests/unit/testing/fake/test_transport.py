"""The transport port on a fake."""

import asyncio
import threading

import pytest

from etcd_factory import errors
from etcd_factory.core.face import finish
from etcd_factory.testing import FakeEtcd
from etcd_factory.testing.fake.transport import token_of
from etcd_factory.wire import messages as m
from etcd_factory.wire import methods

HOST = "http://host:1"
LONG = 30  # seconds that nothing here takes


@pytest.fixture
def fake():
    return FakeEtcd()


@pytest.fixture
def transport(fake):
    return fake.transport()


def put(transport, timeout=LONG, key=b"k"):
    return finish(transport.unary(HOST, methods.PUT, m.PutRequest(key=key), timeout, ()))


def test_a_call_is_answered(transport):
    assert put(transport).header.revision == 2


def test_an_error_has_the_endpoint(transport):
    with pytest.raises(errors.EtcdError) as caught:
        put(transport, key=b"")
    assert (caught.value.endpoint, caught.value.code) == ("host:1", "INVALID_ARGUMENT")


def test_what_a_client_changes_later_is_not_changed_in_the_store(transport):
    request = m.PutRequest(key=b"k", value=b"v")
    finish(transport.unary(HOST, methods.PUT, request, LONG, ()))
    request.value = b"w"
    reply = finish(transport.unary(HOST, methods.RANGE, m.RangeRequest(key=b"k"), LONG, ()))
    reply.kvs[0].value = b"x"
    again = finish(transport.unary(HOST, methods.RANGE, m.RangeRequest(key=b"k"), LONG, ()))
    assert again.kvs[0].value == b"v"


async def test_a_call_of_asyncio_lets_others_run(fake):
    ran = []
    asyncio.get_running_loop().call_soon(ran.append, 1)
    await fake.atransport().unary(HOST, methods.PUT, m.PutRequest(key=b"k"), LONG, ())
    assert ran == [1]


def test_a_call_to_a_stopped_fake_certainly_never_left(fake, transport):
    fake.stop()
    with pytest.raises(errors.ConnectionFailedError) as caught:
        put(transport)
    assert (caught.value.sent, caught.value.endpoint) == (False, "host:1")
    with pytest.raises(errors.ConnectionFailedError):
        finish(transport.stream(HOST, methods.WATCH, ()))
    fake.start()
    put(transport)


def test_a_call_to_a_paused_fake_runs_into_its_deadline_or_is_answered_later(fake, transport):
    fake.pause()
    with pytest.raises(errors.DeadlineExceededError) as caught:
        put(transport, 0.01)
    assert caught.value.endpoint == "host:1"
    threading.Timer(0.01, fake.resume).start()
    assert put(transport).header.revision == 2


def test_closing_ends_calls_and_streams_and_refuses_others(fake, transport):
    stream = finish(transport.stream(HOST, methods.WATCH, ()))
    fake.pause()
    threading.Timer(0.01, lambda: finish(transport.close())).start()
    with pytest.raises(errors.ClientClosedError):
        put(transport)
    for call in (stream.receive, lambda: transport.stream(HOST, methods.WATCH, ())):
        with pytest.raises(errors.ClientClosedError):
            finish(call())
    put_elsewhere = fake.transport()
    fake.resume()
    put(put_elsewhere)


def test_one_that_is_apart_outlives_the_other(fake, transport):
    other = transport.apart()
    finish(transport.close())
    put(other)
    assert fake.revision == 2


def test_leases_are_renewed_on_a_stream(fake, transport):
    lease = m.LeaseGrantRequest(ID=5, TTL=10)
    finish(transport.unary(HOST, methods.LEASE_GRANT, lease, LONG, ()))
    stream = finish(transport.stream(HOST, methods.LEASE_KEEP_ALIVE, ()))
    for each in (5, 6):
        stream.send(m.LeaseKeepAliveRequest(ID=each))
    assert [finish(stream.receive()).TTL for _ in range(2)] == [10, 0]


def test_a_closed_stream_of_watches_is_told_nothing_more(fake, transport):
    stream = finish(transport.stream(HOST, methods.WATCH, ()))
    stream.send(m.WatchRequest(create_request={"key": b"k"}))
    assert finish(stream.receive()).created
    assert len(fake.member.streams) == 1
    finish(stream.close())
    assert len(fake.member.streams) == 0


def test_a_stream_that_the_fake_does_not_have_is_refused(transport):
    stream = finish(transport.stream(HOST, methods.SNAPSHOT, (), m.SnapshotRequest()))
    with pytest.raises(errors.EtcdError, match=r"Maintenance\.Snapshot"):
        finish(stream.receive())


def test_a_forked_child_has_its_own_locks(fake, transport):
    before = fake.lock
    assert transport.forget()
    assert fake.lock is not before
    put(transport)


def test_the_token_is_in_the_metadata():
    assert token_of((("hasleader", "true"), ("token", "t"))) == "t"
    assert token_of(()) == ""
