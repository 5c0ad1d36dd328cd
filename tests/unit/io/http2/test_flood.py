import pytest

from etcd_factory.io.http2.flood import FRAMES, TIME, Flood
from etcd_factory.io.http2.frames import ErrorCode, ProtocolError
from tests.support.http2 import Clock


@pytest.fixture
def clock():
    return Clock()


def count(flood, number):
    for _ in range(number):
        flood.add()


def test_too_many_frames_in_a_short_time(clock):
    flood = Flood(clock)
    count(flood, FRAMES)
    clock.now += TIME - 1
    with pytest.raises(ProtocolError, match="too many frames that carry nothing") as caught:
        flood.add()
    assert caught.value.code == ErrorCode.ENHANCE_YOUR_CALM


def test_as_many_in_a_long_time_are_signs_of_life(clock):
    flood = Flood(clock)
    for _ in range(3):
        count(flood, FRAMES)
        clock.now += TIME
        flood.add()


def test_a_useful_frame_ends_the_row(clock):
    flood = Flood(clock)
    for _ in range(3):
        count(flood, FRAMES)
        flood.count = 0


def test_the_time_begins_with_the_row(clock):
    flood = Flood(clock)
    clock.now += 2 * TIME
    count(flood, FRAMES)
    with pytest.raises(ProtocolError):
        flood.add()
