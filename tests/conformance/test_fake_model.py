"""``FakeEtcd`` and a real etcd, asked the same at random: they answer the same, errors included."""

from __future__ import annotations

from operator import attrgetter

import pytest
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory.core.face import finish
from etcd_factory.errors import EtcdError
from etcd_factory.testing import EtcdServer, FakeEtcd
from etcd_factory.testing.fake.ranges import TARGETS
from etcd_factory.wire import messages as m
from etcd_factory.wire import methods
from tests.support.faces import FACES, THREADS
from tests.support.transports import real

SOME = settings(max_examples=150, suppress_health_check=list(HealthCheck))
TIMEOUT = 10  # seconds that no call takes
LEASES = (7, 8)
TTL = 600  # seconds, more than any test takes
EVERYTHING = {"key": b"\0", "range_end": b"\0"}

KEYS = st.sampled_from([b"a", b"b", b"ab", b"c", b"\xff"]) | st.just(b"")
ENDS = st.sampled_from([b"", b"", b"\0", b"b", b"c", b"\xff\xff"])
VALUES = st.sampled_from([b"", b"1", b"2"])
AGES = st.none() | st.integers(-1, 6)  # how many revisions ago; None: now
BOUNDS = st.none() | st.none() | st.integers(0, 6)
LEASE_IDS = st.sampled_from([0, 0, 0, *LEASES])

RANGES = st.fixed_dictionaries(
    {"key": KEYS, "range_end": ENDS, "revision": AGES},
    optional={
        "limit": st.integers(-1, 3),
        "sort_order": st.integers(0, 2),
        "sort_target": st.integers(0, 4),
        "keys_only": st.booleans(),
        "count_only": st.booleans(),
        "serializable": st.booleans(),
        "min_mod_revision": BOUNDS,
        "max_mod_revision": BOUNDS,
        "min_create_revision": BOUNDS,
        "max_create_revision": BOUNDS,
    },
)
PUTS = st.fixed_dictionaries(
    {"key": KEYS, "value": VALUES, "lease": LEASE_IDS},
    optional={"prev_kv": st.booleans(), "ignore_value": st.booleans(), "ignore_lease": st.booleans()},
)
DELETES = st.fixed_dictionaries({"key": KEYS, "range_end": ENDS}, optional={"prev_kv": st.booleans()})
NUMBERS = st.integers(0, 3)
COMPARES = st.one_of(
    st.fixed_dictionaries({"target": st.just("VALUE"), "value": VALUES}),
    st.fixed_dictionaries({"target": st.just("VERSION"), "version": NUMBERS}),
    st.fixed_dictionaries({"target": st.just("LEASE"), "lease": LEASE_IDS}),
    st.fixed_dictionaries({"target": st.just("MOD"), "mod_revision": AGES}),
    st.fixed_dictionaries({"target": st.just("CREATE"), "create_revision": AGES}),
)
COMPARISONS = st.builds(
    lambda compare, rest: {**compare, **rest},
    COMPARES,
    st.fixed_dictionaries({"key": KEYS, "range_end": ENDS, "result": st.integers(0, 3)}),
)
SINGLE = (
    RANGES.map(lambda fields: {"request_range": fields})
    | PUTS.map(lambda fields: {"request_put": fields})
    | DELETES.map(lambda fields: {"request_delete_range": fields})
)


def transactions(operations):
    """Transactions of such operations."""
    lists = st.lists(operations, max_size=3)
    return st.fixed_dictionaries(
        {"compare": st.lists(COMPARISONS, max_size=2), "success": lists, "failure": lists},
    )


NESTED = SINGLE | transactions(SINGLE | transactions(SINGLE).map(lambda fields: {"request_txn": fields})).map(
    lambda fields: {"request_txn": fields}
)


def steps(method, fields):
    """Steps that call a method."""
    return st.tuples(st.just(method), fields)


STEPS = st.one_of(
    steps(methods.PUT, PUTS),
    steps(methods.PUT, PUTS),
    steps(methods.RANGE, RANGES),
    steps(methods.DELETE, DELETES),
    steps(methods.TXN, transactions(NESTED)),
    steps(methods.TXN, transactions(SINGLE)),
    steps(methods.COMPACT, st.fixed_dictionaries({"revision": st.integers(-1, 5)})),
    steps(methods.LEASE_GRANT, st.fixed_dictionaries({"ID": st.sampled_from(LEASES), "TTL": st.just(TTL)})),
    steps(methods.LEASE_REVOKE, st.fixed_dictionaries({"ID": st.sampled_from(LEASES)})),
    steps(methods.LEASE_TIME_TO_LIVE, st.fixed_dictionaries({"ID": st.sampled_from(LEASES), "keys": st.booleans()})),
    steps(methods.LEASE_KEEP_ALIVE_ONCE, st.fixed_dictionaries({"ID": st.sampled_from(LEASES)})),
    steps(methods.LEASE_LEASES, st.just({})),
)
WATCHES = st.fixed_dictionaries(
    {"key": KEYS, "range_end": ENDS, "start_revision": st.integers(0, 9)},
    optional={"prev_kv": st.booleans(), "filters": st.lists(st.integers(0, 1), max_size=2)},
)
REVISIONS = ("revision", "min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision")
COLUMNS = ("mod_revision", "create_revision")


def absolute(fields, revision):
    """Return a request's fields with revisions in place of how long ago they were."""
    found = {}
    for name, value in fields.items():
        if name in (*REVISIONS, *COLUMNS):
            found[name] = 0 if value is None else max(1, revision - value)
        elif isinstance(value, dict):
            found[name] = absolute(value, revision)
        elif isinstance(value, list):
            found[name] = [absolute(one, revision) if isinstance(one, dict) else one for one in value]
        else:
            found[name] = value
    return found


@frozen
class Side:
    """A transport, and the host that it is asked to call."""

    transport: object
    host: str
    etcd: object

    def call(self, method, request):
        """Return the answer to a request, or the error's code and message."""
        try:
            return finish(self.transport.unary(self.host, method, request, TIMEOUT, ()))
        except EtcdError as error:
            return error.code, error.message

    def watch(self, request, count=0, *, compacted=False):
        """Return what a watch is sent of the past: at least so many events or its end, and what else is on its way."""
        stream = finish(self.transport.stream(self.host, methods.WATCH, ()))
        stream.send(m.WatchRequest(create_request=request))
        seen = Seen(stream)
        while not seen.canceled and (compacted or len(seen.events) < count):
            seen.next()
        if not seen.canceled:
            stream.send(m.WatchRequest(cancel_request={"watch_id": 0}))
        while not seen.canceled:
            seen.next()
        finish(stream.close())
        return seen


class Seen:
    """What a watch was sent."""

    def __init__(self, stream):
        self._stream = stream
        self.canceled, self.reasons, self.compacted, self.events = False, [], 0, []
        self.next()

    def next(self):
        """Take the next message; the test fails if none comes."""
        reply = THREADS.submit(lambda: finish(self._stream.receive())).result(TIMEOUT)
        self.events += reply.events
        self.reasons += [reply.cancel_reason] if reply.created else []
        self.compacted, self.canceled = self.compacted or reply.compact_revision, reply.canceled

    def facts(self, compacted):
        """What must be equal: why it was refused or at which revision it ended, and its events.

        Versions of etcd differ in whether a compaction keeps the deletions of its revision.
        """
        events = [one for one in self.events if not (one.type and one.kv.mod_revision == compacted)]
        return self.reasons, self.compacted, [*map(text_of, events)]


@pytest.fixture(scope="module")
def sides(request):
    """A real server and a fake that have been asked the same ever since they began."""
    if request.config.getoption("--etcd") == "fake":
        pytest.skip("compares the fake with a real etcd")
    with EtcdServer() as server, FakeEtcd() as fake:
        transport = real(FACES[0], {"hosts": [server.endpoint]})
        yield Side(transport, server.url, server), Side(fake.transport(), server.url, fake)
        finish(transport.close())


def text_of(message):
    """Return a message as text."""
    return str(message)


def comparable(method, request, answer):
    """Return what must be equal of an answer: not who gave it, nor what depends on time."""
    if isinstance(answer, tuple):
        return answer
    for name in ("cluster_id", "member_id", "raft_term"):
        answer.header.ClearField(name)
    if method is methods.LEASE_TIME_TO_LIVE:
        return answer.grantedTTL, answer.TTL > 0, sorted(answer.keys)
    if method is methods.LEASE_LEASES:
        return sorted(one.ID for one in answer.leases)
    if method is methods.TXN:
        parts = [comparable_part(one, part) for one, part in zip(taken(request, answer), answer.responses, strict=True)]
        return answer.succeeded, answer.header.revision, parts
    if method is methods.RANGE:
        return comparable_range(request, answer)
    return text_of(answer)


def taken(request, answer):
    """Return the operations of the branch that was taken."""
    return request.success if answer.succeeded else request.failure


def comparable_part(operation, part):
    """Return what must be equal of one result of a transaction."""
    kind = operation.WhichOneof("request")
    if kind == "request_range":
        return comparable_range(operation.request_range, part.response_range)
    if kind == "request_txn":
        return comparable(methods.TXN, operation.request_txn, part.response_txn)
    return text_of(part)


def comparable_range(request, answer):
    """Return what must be equal of a read: keys that are sorted by equal values may be in any order."""
    target = attrgetter(TARGETS[request.sort_target])
    order = [target(kv) for kv in answer.kvs] if not request.keys_only or request.sort_target != 4 else []
    which = sorted(map(text_of, answer.kvs)) if request.limit <= 0 or not request.sort_target else []
    return answer.header.revision, answer.count, answer.more, order, which


def revision_of(side):
    """Return the current revision."""
    return side.call(methods.RANGE, m.RangeRequest(key=b"none")).header.revision


@SOME
@given(st.lists(STEPS, max_size=15))
def test_the_same_calls_have_the_same_answers(sides, taken_steps):
    for side in sides:
        side.call(methods.DELETE, m.DeleteRangeRequest(**EVERYTHING))
    for method, fields in taken_steps:
        request = method.request(**absolute(fields, revision_of(sides[1])))
        real_answer, fake_answer = (comparable(method, request, side.call(method, request)) for side in sides)
        assert fake_answer == real_answer, f"{method.name} {request}"
    everything = m.RangeRequest(**EVERYTHING)
    real_state, fake_state = ([*side.call(methods.RANGE, everything).kvs] for side in sides)
    assert fake_state == real_state


@SOME
@given(st.lists(STEPS, max_size=10), st.lists(WATCHES, min_size=1, max_size=3))
def test_watches_are_sent_the_same_events(sides, taken_steps, watches):
    for method, fields in taken_steps:
        request = method.request(**absolute(fields, revision_of(sides[1])))
        for side in sides:
            side.call(method, request)
    for fields in watches:
        start = fields["start_revision"] and max(1, revision_of(sides[1]) - fields["start_revision"])
        request = m.WatchCreateRequest(**{**fields, "start_revision": start})
        fake = sides[1].watch(request)
        seen = sides[0].watch(request, len(fake.events), compacted=bool(fake.compacted))
        compacted = sides[1].etcd.member.store.compacted
        assert seen.facts(compacted) == fake.facts(compacted), str(request)
