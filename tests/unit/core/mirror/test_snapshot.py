"""What a mirror held at a revision of the past."""

from __future__ import annotations

import threading

import pytest

from etcd_factory.core.mirror.snapshot import MirrorSnapshot
from etcd_factory.errors import CompactedError, FutureRevisionError
from etcd_factory.model import KeyValue

KVS = {key: KeyValue(key, value, 2, 3, 1) for key, value in {b"p/b": b"2", b"p/a": b"1"}.items()}


@pytest.fixture
def snapshot():
    return MirrorSnapshot(threading.Lock(), b"p/", KVS, 5)


def test_it_is_a_mapping_at_its_revision(snapshot):
    assert (snapshot, len(snapshot), snapshot.revision, snapshot.inherited) == (KVS, 2, 5, False)
    assert (snapshot[b"p/a"].text, b"p/c" in snapshot, sorted(snapshot)) == ("1", False, [b"p/a", b"p/b"])
    assert repr(snapshot) == "<MirrorSnapshot b'p/': 2 keys at revision 5>"


def test_it_is_a_copy(snapshot):
    given = dict(KVS)
    copied = MirrorSnapshot(threading.Lock(), b"p/", given, 5)
    given.clear()
    assert copied == KVS


def test_keys_and_ranges_are_read_as_on_a_mirror(snapshot):
    assert (snapshot.get("p/a").number(), snapshot.get("p/c").string()) == (1, None)
    assert snapshot.get_all().keys() == ["p/a", "p/b"]
    assert snapshot.get_all().revision(5).prefix("p/b").strings() == {"p/b": "2"}


def test_it_knows_its_revision_only(snapshot):
    with pytest.raises(ValueError, match="the state of revision 5; read that of 4 from the mirror"):
        snapshot.get_all().revision(4).keys()
    with pytest.raises(CompactedError):
        snapshot.past(4)
    with pytest.raises(FutureRevisionError):
        snapshot.past(6)
    assert snapshot.past(5) == KVS
