"""What a stream of watches is sent."""

import pytest

from etcd_factory.testing.fake.refusals import refused
from etcd_factory.testing.fake.store import Store
from etcd_factory.testing.fake.watches import ALL, WatchStream
from etcd_factory.wire import messages as m


class Server:
    """A store whose watches are told by hand."""

    def __init__(self):
        self.store, self.time = Store(), 0.0

    def now(self):
        return self.time

    def header(self, revision=None):
        return m.ResponseHeader(revision=self.store.revision if revision is None else revision)

    def write(self, *keys, delete=()):
        writer = self.store.write()
        for key in keys:
            writer.put(key, b"v", 0)
        for key in delete:
            writer.delete(span(key))
        writer.commit()
        return self.store.revision, writer.changes


def span(key):
    from etcd_factory.testing.fake.spans import span_of

    return span_of(key, b"")


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def sent():
    return []


@pytest.fixture
def stream(server, sent):
    return WatchStream(server, sent.append, lambda request: None)


def create(stream, key=b"k", **fields):
    stream.receive(m.WatchRequest(create_request={"key": key, **fields}))


def events(message):
    return [(event.type, event.kv.key, event.kv.mod_revision) for event in message.events]


def test_a_watch_is_confirmed_and_told_of_its_keys(server, sent, stream):
    create(stream, b"a", range_end=b"c")
    stream.notify(*server.write(b"a", b"b", b"c"))
    stream.notify(*server.write(b"z"))
    created, told = sent
    assert (created.created, created.watch_id, created.header.revision) == (True, 0, 1)
    assert (events(told), told.header.revision) == ([(0, b"a", 2), (0, b"b", 2)], 2)


def test_the_past_is_sent_from_the_start_revision_on_in_one_message(server, sent, stream):
    for _ in range(3):
        server.write(b"k")
    create(stream, start_revision=3)
    assert events(sent[1]) == [(0, b"k", 3), (0, b"k", 4)]


def test_a_watch_of_the_future_is_told_from_its_start_on(server, sent, stream):
    create(stream, start_revision=3)
    stream.notify(*server.write(b"k"))
    stream.notify(*server.write(b"k"))
    assert [events(one) for one in sent[1:]] == [[(0, b"k", 3)]]


def test_a_watch_of_compacted_revisions_ends_with_the_oldest_one(server, sent, stream):
    for _ in range(3):
        server.write(b"k")
    server.store.compact(3)
    create(stream, start_revision=2)
    assert (sent[1].canceled, sent[1].compact_revision, len(stream)) == (True, 3, 0)
    create(stream, start_revision=3)
    assert events(sent[3]) == [(0, b"k", 3), (0, b"k", 4)]


@pytest.mark.parametrize(("filters", "left"), [([0], [(1, b"k", 3)]), ([1], [(0, b"k", 2)]), ([0, 1], [])])
def test_a_filter_leaves_out_puts_or_deletions(server, sent, stream, filters, left):
    server.write(b"k")
    server.write(delete=[b"k"])
    create(stream, start_revision=1, filters=filters)
    assert [event for message in sent for event in events(message)] == left


def test_previous_values_are_sent_on_request_unless_they_are_compacted(server, sent, stream):
    for _ in range(3):
        server.write(b"k")
    server.store.compact(3)
    create(stream, start_revision=3, prev_kv=True)
    assert [event.prev_kv.mod_revision for event in sent[1].events] == [0, 3]


def test_cancelling_ends_a_watch_once(sent, stream):
    create(stream, watch_id=7)
    for _ in range(2):
        stream.receive(m.WatchRequest(cancel_request={"watch_id": 7}))
    assert [(one.watch_id, one.created, one.canceled) for one in sent] == [(7, True, False), (7, False, True)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"key": b"b", "range_end": b"a"}, "range is empty"), ({"watch_id": 7}, "duplicate watch ID")],
)
def test_a_watch_that_cannot_be_is_refused(sent, stream, fields, reason):
    create(stream, watch_id=7)
    create(stream, **fields)
    assert (sent[1].created, sent[1].canceled, sent[1].watch_id) == (True, True, ALL)
    assert reason in sent[1].cancel_reason


def test_a_watch_that_is_not_permitted_is_refused_with_the_words_of_grpc(server, sent):
    def deny(request):
        raise refused("permission denied")

    create(WatchStream(server, sent.append, deny))
    assert sent[0].cancel_reason == "rpc error: code = PermissionDenied desc = etcdserver: permission denied"


def test_progress_is_reported_when_asked_for(sent, stream):
    stream.receive(m.WatchRequest(progress_request={}))
    assert (sent[0].watch_id, sent[0].header.revision) == (ALL, 1)


def test_progress_is_reported_to_idle_watches_that_want_it(server, sent, stream):
    create(stream, progress_notify=True)
    create(stream)
    assert stream.next_report(10) == 10
    server.time = 10
    stream.report(10)
    stream.report(10)
    assert [(one.watch_id, one.created) for one in sent] == [(0, True), (1, True), (0, False)]
    assert stream.next_report(10) == 20
