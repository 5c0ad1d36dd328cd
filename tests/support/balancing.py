"""Instances to pick from, with chances and a clock that a test sets."""

from __future__ import annotations

from etcd_factory.registry.instance import ServiceInstance

STEPS = 1_000  # chances tried, evenly


def weighing(*weights, started=0.0):
    """Instances a, b, c ... of these weights."""
    return tuple(
        ServiceInstance("user", chr(ord("a") + number), weight=weight, started=started)
        for number, weight in enumerate(weights)
    )


def zoned(zones):
    """Instances a, b, c ... in these zones: "xxy" has two in x and one in y."""
    return tuple(
        ServiceInstance("user", chr(ord("a") + number), metadata={"zone": zone}) for number, zone in enumerate(zones)
    )


def picks(chooser, instances, count):
    """The ids of the next picks as one text."""
    return "".join(chooser.pick(instances).id for _ in range(count))


def evenly():
    """A function that returns numbers from 0 to below 1, one after another, all equally often."""
    numbers = iter(range(10**9))
    return lambda: (next(numbers) % STEPS) / STEPS


class Clock:
    """A clock that a test moves: ``clock.time += 5``."""

    def __init__(self):
        self.time = 1_000.0

    def __call__(self):
        return self.time
