from __future__ import annotations

from etcd_factory.cli.watching import described, line
from etcd_factory.model import Event, KeyValue


def test_a_change_as_a_line():
    put = Event("put", KeyValue(b"k", b"\x1b"), 5, KeyValue(b"k", b"old"))
    assert line(put) == "5 put    k = \\x1b   (was old)"
    assert line(Event("delete", KeyValue(b"k"), 6)) == "6 delete k"


def test_a_change_as_json():
    found = described(Event("put", KeyValue(b"k", b"v", mod_revision=5), 5))
    assert (found["type"], found["revision"], found["key"], found["previous"]) == ("put", 5, b"k", None)
