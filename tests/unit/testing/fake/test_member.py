"""What a fake answers to each method."""

import pytest

from etcd_factory import errors
from etcd_factory.testing.fake.cluster import CORRUPT, ID, NOSPACE
from etcd_factory.testing.fake.member import LARGEST, LARGEST_MESSAGE, Member, cost_of_txn, is_write
from etcd_factory.wire import messages as m
from etcd_factory.wire import methods
from etcd_factory.wire.methods import Method

LEFT_OUT = {"KV.RangeStream", "Maintenance.Snapshot", "Maintenance.Downgrade"}
STREAMS = {"Watch.Watch"}
NAMES = {f"{one.service}.{one.name}" for one in vars(methods).values() if isinstance(one, Method)}
PUT, READ = {"request_put": {"key": b"k", "value": b"v"}}, {"request_range": {"key": b"k"}}


@pytest.fixture
def member(time):
    return Member(lambda: time.now, "http://host:1", 0)


def put(member, key=b"k", value=b"v", **fields):
    return member.answer("KV.Put", m.PutRequest(key=key, value=value, **fields), "")


def read(member, key=b"k"):
    return member.answer("KV.Range", m.RangeRequest(key=key), "")


def test_every_method_is_answered_or_named_as_left_out(member):
    assert member.methods | LEFT_OUT | STREAMS == NAMES
    for name in LEFT_OUT:
        with pytest.raises(errors.EtcdError) as caught:
            member.answer(name, None, "")
        assert caught.value.code == "UNIMPLEMENTED"


def test_a_header_says_who_answered_and_at_which_revision(member):
    header = put(member).header
    assert (header.member_id, header.revision, header.raft_term > 0, header.cluster_id > 0) == (ID, 2, True, True)


def test_watches_are_told_of_each_revision(member):
    sent = []
    stream = member.watch(sent.append, "")
    stream.receive(m.WatchRequest(create_request={"key": b"k"}))
    put(member)
    put(member, b"l")
    member.answer("KV.DeleteRange", m.DeleteRangeRequest(key=b"k"), "")
    assert [[event.kv.mod_revision for event in one.events] for one in sent] == [[], [2], [4]]


def test_a_lease_that_expires_deletes_its_keys_in_one_revision(member, time):
    member.answer("Lease.LeaseGrant", m.LeaseGrantRequest(ID=5, TTL=10), "")
    for key in (b"a", b"b"):
        put(member, key, lease=5)
    time.now = 9.0
    member.expire()
    assert read(member, b"a").count == 1
    time.now = 10.0
    member.expire()
    assert (read(member, b"a").count, read(member, b"b").count, member.store.revision) == (0, 0, 4)
    answer = member.answer("Lease.LeaseTimeToLive", m.LeaseTimeToLiveRequest(ID=5), "")
    assert (answer.TTL, answer.grantedTTL) == (-1, 0)


@pytest.mark.parametrize(
    ("size", "kind"), [(LARGEST, errors.RequestTooLargeError), (LARGEST_MESSAGE, errors.RequestTooLargeError)]
)
def test_a_request_that_is_too_large_is_refused(member, size, kind):
    with pytest.raises(kind):
        put(member, value=b"x" * size)
    put(member, value=b"x" * (LARGEST - 100))


def test_a_full_database_refuses_puts_until_its_alarm_is_disarmed(time):
    member = Member(lambda: time.now, "http://host:1", 30_000)
    with pytest.raises(errors.NoSpaceError):
        put(member, value=b"x" * 30_000)
    with pytest.raises(errors.NoSpaceError):
        put(member)
    assert NOSPACE in member.alarms
    member.answer("KV.Txn", m.TxnRequest(success=[READ]), "")
    member.answer("KV.DeleteRange", m.DeleteRangeRequest(key=b"k"), "")
    member.answer("Maintenance.Alarm", m.AlarmRequest(action="DEACTIVATE", alarm=NOSPACE), "")
    put(member)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("KV.Put", m.PutRequest(key=b"k")),
        ("KV.DeleteRange", m.DeleteRangeRequest(key=b"k")),
        ("KV.Compact", m.CompactionRequest(revision=1)),
        ("Lease.LeaseGrant", m.LeaseGrantRequest(TTL=10)),
        ("KV.Txn", m.TxnRequest(success=[PUT])),
    ],
)
def test_a_corrupt_cluster_refuses_changes(member, method, request_):
    member.alarms.activate(CORRUPT)
    with pytest.raises(errors.EtcdError, match="corrupt cluster"):
        member.answer(method, request_, "")
    read(member)


def test_a_transaction_writes_if_any_part_may(member):
    assert not is_write(m.TxnRequest(success=[READ], failure=[{"request_txn": {"success": [READ]}}]))
    assert is_write(m.TxnRequest(success=[READ], failure=[{"request_txn": {"failure": [PUT]}}]))


def test_the_cost_of_a_transaction_is_that_of_its_larger_branch():
    one = cost_of_txn(m.TxnRequest(success=[PUT]))
    assert cost_of_txn(m.TxnRequest(success=[PUT], failure=[{"request_txn": {"success": [PUT, PUT]}}])) == 2 * one > 0


def test_a_restart_lets_leases_begin_again(member, time):
    member.answer("Lease.LeaseGrant", m.LeaseGrantRequest(ID=5, TTL=10), "")
    time.now = 9.0
    member.restart()
    time.now = 18.0
    member.expire()
    assert member.leases.ids() == [5]


def test_a_hash_is_that_of_the_revision_that_was_asked_for(member):
    first = put(member).header.revision
    known = member.answer("Maintenance.HashKV", m.HashKVRequest(), "").hash
    whole = member.answer("Maintenance.Hash", m.HashRequest(), "").hash
    put(member)
    assert member.answer("Maintenance.HashKV", m.HashKVRequest(revision=first), "").hash == known
    assert member.answer("Maintenance.HashKV", m.HashKVRequest(), "").hash != known
    assert member.answer("Maintenance.Hash", m.HashRequest(), "").hash != whole
    with pytest.raises(errors.FutureRevisionError):
        member.answer("Maintenance.HashKV", m.HashKVRequest(revision=99), "")
