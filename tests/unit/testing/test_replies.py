"""Replies built from plain values, as clients read them."""

import pytest

from etcd_factory import errors
from etcd_factory.core.face import finish
from etcd_factory.model import KeyValue
from etcd_factory.testing import replies
from etcd_factory.testing.script import Call
from etcd_factory.wire import messages, methods

WHOLE = KeyValue(b"k", b"v", 3, 5, 2, 7)


def stream_of(script, *sent):
    """A stream on which the client has sent these messages."""
    stream = script.open([], has_request=False)
    for message in sent:
        stream.send(message)
    return stream


def received(stream, count):
    return [finish(stream.receive()) for _ in range(count)]


def create(number=1, **fields):
    return messages.WatchRequest(create_request={"key": b"k", "watch_id": number, **fields})


# --- reads and writes


def test_found_keys_are_text_bytes_or_whole_keys():
    found = replies.get({"a": "1", b"b": b"\xff"}, revision=9)
    assert [(kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.version) for kv in found.kvs] == [
        (b"a", b"1", 9, 9, 1),
        (b"b", b"\xff", 9, 9, 1),
    ]
    assert (found.count, found.more, found.header.revision) == (2, False, 9)
    (kv,) = replies.get(WHOLE, more=True).kvs
    assert (kv.create_revision, kv.mod_revision, kv.version, kv.lease) == (3, 5, 2, 7)


def test_writes_have_a_revision_and_what_was_there_before():
    assert replies.put(revision=4).header.revision == 4
    assert not replies.put().HasField("prev_kv")
    assert replies.put(previous=WHOLE).prev_kv.value == b"v"
    assert replies.delete(previous=[WHOLE, WHOLE], deleted=2).prev_kvs[1].key == b"k"
    assert replies.delete().deleted == 1


def test_a_transaction_has_the_results_of_its_branch():
    reply = replies.txn(replies.get(), replies.put(), replies.delete(), replies.txn(), succeeded=False)
    assert [result.WhichOneof("response") for result in reply.responses] == [
        "response_range",
        "response_put",
        "response_delete_range",
        "response_txn",
    ]
    assert not reply.succeeded


@pytest.mark.parametrize("method", [one for one in vars(methods).values() if isinstance(one, methods.Method)])
def test_every_method_has_a_reply(method):
    assert isinstance(replies.of(method.name), method.types[1])


def test_a_reply_of_any_method_is_built_from_its_fields():
    reply = replies.of("MemberList", members=[{"ID": 7, "clientURLs": ["http://a:1"]}])
    assert reply.members[0].clientURLs == ["http://a:1"]
    with pytest.raises(ValueError, match="did you mean 'MemberList'"):
        replies.of("MemberLists")


# --- failures


def test_a_refused_call_never_left_and_a_lost_one_did():
    assert (replies.refused().sent, replies.lost().sent) == (False, True)


@pytest.mark.parametrize(
    ("message", "kind", "code"),
    [
        ("etcdserver: mvcc: database space exceeded", errors.NoSpaceError, "RESOURCE_EXHAUSTED"),
        ("etcdserver: requested lease not found", errors.LeaseNotFoundError, "NOT_FOUND"),
        ("something new", errors.EtcdError, "UNKNOWN"),
    ],
)
def test_a_server_error_has_the_class_and_code_of_its_message(message, kind, code):
    error = replies.server_error(message)
    assert (type(error), error.code) == (kind, code)
    assert replies.server_error(message, "UNAVAILABLE").code == "UNAVAILABLE"


@pytest.mark.parametrize(("timeout", "is_late"), [(1.0, True), (2.0, True), (3.0, False), (None, False)])
def test_a_delay_is_too_long_for_a_shorter_timeout(timeout, is_late):
    step = replies.delayed(2, replies.put())
    answer = step(Call("http://a:1", "KV", "Put", None, timeout, ()))
    assert answer == (replies.NO_REPLY if is_late else replies.put())


# --- streams


def test_a_watch_is_created_before_its_events_arrive():
    stream = stream_of(replies.watch(replies.put_event("k", "v"), revision=7), create())
    created, event = received(stream, 2)
    assert (created.created, created.watch_id, created.header.revision) == (True, 1, 7)
    assert (event.watch_id, event.header.revision, event.events[0].kv.mod_revision) == (1, 8, 8)


def test_events_wait_for_their_own_watch():
    stream = stream_of(replies.watch(replies.put_event("b", "v", watch=2), replies.put_event("a", "v")), create(1))
    assert received(stream, 1)[0].created
    stream.send(create(2))
    assert [(one.watch_id, one.created) for one in received(stream, 3)] == [(2, True), (2, False), (1, False)]


def test_events_get_the_next_revision_unless_they_have_one():
    single = replies.put_event("a", "1"), replies.put_event("b", "1", revision=20), replies.delete_event("a")
    both = replies.events(replies.put_event("a", "2"), replies.put_event("b", "2"))
    stream = stream_of(replies.watch(*single, both), create())
    _, *sent = received(stream, 5)
    assert [[event.kv.mod_revision for event in one.events] for one in sent] == [[2], [20], [21], [22, 22]]


def test_an_event_has_its_fields():
    event = replies.put_event("k", "v", lease=7, previous=WHOLE).events[0]
    assert (event.kv.lease, event.kv.version, event.prev_kv.mod_revision) == (7, 1, 5)
    event = replies.delete_event("k", previous=WHOLE).events[0]
    assert (event.type, event.kv.key, event.prev_kv.value) == (1, b"k", b"v")


def test_a_resumed_watch_continues_at_the_revision_it_asks_for():
    stream = stream_of(replies.watch(replies.put_event("k", "v")), create(start_revision=30))
    created, event = received(stream, 2)
    assert (created.header.revision, event.events[0].kv.mod_revision) == (29, 30)


def test_a_watch_is_canceled_by_either_side():
    stream = stream_of(replies.watch(replies.canceled("no", compact_revision=4)), create())
    _, canceled = received(stream, 2)
    assert (canceled.canceled, canceled.cancel_reason, canceled.compact_revision) == (True, "no", 4)
    stream = stream_of(replies.watch(), create(), messages.WatchRequest(cancel_request={"watch_id": 1}))
    assert received(stream, 2)[1].canceled


def test_progress_is_reported_on_request_and_unasked():
    request = messages.WatchRequest(progress_request={})
    stream = stream_of(replies.watch(replies.progress(), replies.progress(9), revision=5), create(), request)
    _, asked, unasked, later = received(stream, 4)
    assert (asked.watch_id, asked.header.revision) == (-1, 5)
    assert (unasked.watch_id, unasked.header.revision, later.header.revision) == (1, 5, 9)


def test_renewals_are_answered_by_one_ttl_after_another():
    renewal = messages.LeaseKeepAliveRequest(ID=3)
    stream = stream_of(replies.keep_alive(10, 5, 0), *[renewal] * 4)
    assert [(one.ID, one.TTL) for one in received(stream, 4)] == [(3, 10), (3, 5), (3, 0), (3, 0)]
    assert received(stream_of(replies.keep_alive(), renewal), 1)[0].TTL == 10


def test_a_lease_is_granted():
    assert (replies.lease(7, 30).ID, replies.lease(7, 30).TTL) == (7, 30)


def test_names_are_listed():
    assert sorted(replies.__all__) == replies.__all__
    assert all(hasattr(replies, name) for name in replies.__all__)
