import pytest

from etcd_factory.io.http2.stream import FORGOTTEN, Abandoned, Stream
from tests.support.http2 import Recorder


def test_streams_share_nothing():
    first, second = Recorder(), Recorder()
    first.outbox = first.outbox or bytearray()
    first.outbox += b"x"
    first.id, first.is_open = 1, True
    assert (second.outbox, second.id, second.is_open) == (b"", 0, False)


def test_the_hooks_are_for_subclasses():
    with pytest.raises(TypeError, match="abstract"):
        Stream()


def test_abandoned_streams_are_remembered():
    abandoned = Abandoned()
    abandoned.add(5)
    assert 5 in abandoned and 3 not in abandoned and 7 not in abandoned


def test_of_very_many_all_before_count_as_abandoned():
    abandoned = Abandoned()
    for number in range(1, 2 * FORGOTTEN + 2, 2):
        abandoned.add(number)
    abandoned.add(4 * FORGOTTEN + 1)
    last = 2 * FORGOTTEN + 1
    assert last in abandoned and 1 in abandoned and 2 in abandoned
    assert last + 2 not in abandoned and 4 * FORGOTTEN + 1 in abandoned
    assert len(abandoned._ids) == 1
