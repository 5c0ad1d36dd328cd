"""The clock of a fake, and what happens by itself."""

import threading
from math import inf

import pytest

from etcd_factory.testing.fake.clock import Alarm, Clock

LONG = 30  # seconds that nothing here takes


def test_a_clock_stands_until_it_is_moved():
    clock = Clock(runs=False)
    assert clock.now() == 0
    clock.reach(clock.after(2.5))
    clock.reach(1)
    assert clock.now() == 2.5
    with pytest.raises(ValueError, match="time does not go back"):
        clock.after(-1)


def test_a_running_clock_can_be_moved_too():
    clock = Clock(runs=True)
    before = clock.now()
    clock.reach(before + 100)
    assert clock.now() >= before + 100


class Events:
    """Times at which something is due, in order; ``happened`` counts them."""

    def __init__(self, *times):
        self.times, self.happened, self.over = [*times], 0, threading.Event()
        self.lock = threading.RLock()

    def alarm(self, clock):
        return Alarm(clock, lambda: self.lock, self.due, self.act)

    def due(self):
        return self.times[0] if self.times else inf

    def act(self):
        self.happened += 1
        self.times.pop(0)
        if not self.times:
            self.over.set()


def test_an_alarm_acts_when_the_time_has_come():
    clock = Clock(runs=True)
    events = Events(clock.now(), clock.now() + 0.01)
    events.alarm(clock).set()
    assert events.over.wait(LONG)
    assert events.happened == 2


def test_an_alarm_looks_again_when_it_is_set():
    clock = Clock(runs=True)
    events = Events(clock.now() + 1000)
    alarm = events.alarm(clock)
    alarm.set()
    with events.lock:
        events.times[:] = [clock.now()]
    alarm.set()
    assert events.over.wait(LONG)


def test_an_alarm_runs_only_if_its_clock_does_and_something_is_due():
    before = threading.active_count()
    for clock, events in ((Clock(runs=False), Events(0)), (Clock(runs=True), Events())):
        alarm = events.alarm(clock)
        alarm.set()
        alarm.forget()
        assert (events.happened, threading.active_count()) == (0, before)
