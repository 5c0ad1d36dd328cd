"""A program whose blocking calls are interrupted at random moments, as by Ctrl-C; it prints what was wrong then.

``python -m tests.support.interrupts HOST SEED COUNT`` interrupts about so many calls.
"""

from __future__ import annotations

import faulthandler
import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from traceback import walk_stack, walk_tb

from attrs import define, field

from etcd_factory import ETCDService
from etcd_factory.registry import ServiceRegistry

TTL = 600  # seconds; nothing expires during a run
LONGEST = 0.03  # seconds until an interrupt
BOUND = 10.0  # seconds for what ends in the background
CALLS_OF_A_CLIENT = 20
SLOW = 2.0  # seconds; closing waits up to 5 for a thread that cannot end
PREFIX = "etcd_factory"


def lock(client, number, handles):
    with client.lock(f"free/{number}", ttl=TTL):
        time.sleep(LONGEST)


def wait(client, number, handles):
    client.lock("held", ttl=TTL).acquire()


def acquire(client, number, handles):
    handles.append(one := client.lock(f"acquired/{number}", ttl=TTL))
    one.acquire()
    one.release()


def campaign(client, number, handles):
    with client.election(f"election/{number}", ttl=TTL).campaign("me"):
        time.sleep(LONGEST)


def lease(client, number, handles):
    with client.lease(TTL) as held:
        held.put(f"leased/{number}").value("v")
        time.sleep(LONGEST)


def watch(client, number, handles):
    with client.watch().prefix("k").create() as watcher:
        client.put("k").value(str(number))
        next(watcher)
        next(watcher)


def mirror(client, number, handles):
    with client.mirror("k") as held:
        held.wait(client.put("k").value(str(number)).revision)
        time.sleep(LONGEST)


def register(client, number, handles):
    handles.append(ServiceRegistry(client).register("user", f"id{number}", ttl=TTL))
    time.sleep(LONGEST)
    handles[-1].deregister()


def block(client, number, handles):
    with ServiceRegistry(client).register("user", f"id{number}", ttl=TTL):
        time.sleep(LONGEST)


def subscribe(client, number, handles):
    with ServiceRegistry(client).subscribe("user"):
        time.sleep(LONGEST)


def calls(client, number, handles):
    for _ in range(20):
        client.put("k").value("v")
        client.get("k").string()


CALLS = (lock, wait, acquire, campaign, lease, watch, mirror, register, block, subscribe, calls)


class Interrupts:
    """Raises ``KeyboardInterrupt`` in the main thread at a random moment of a block."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.caught = None
        signal.signal(signal.SIGALRM, self._raise)

    def _raise(self, *_):
        raise KeyboardInterrupt

    @contextmanager
    def during(self):
        """Interrupt the block; ``caught`` is the interrupt, None if the block ended before."""
        self.caught = None
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, self.random.uniform(0.0001, LONGEST))
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt as error:
            self.caught = error

    @property
    def was_inside(self):
        """Whether it came inside of a call: at its begin and end the caller's own code drops what it was given."""
        frames = [] if self.caught is None else [one for one, _ in walk_tb(self.caught.__traceback__)][:-1]
        is_package = bool(frames) and frames[-1].f_globals["__name__"].startswith(PREFIX)
        return not is_package or "finish" in [one.f_code.co_name for one in frames[:-1]]


@define
class Run:
    """Calls of clients that are interrupted, and what is found wrong after each."""

    host: str
    interrupts: Interrupts
    observer: ETCDService
    held: set = field(factory=set)
    others: set = field(factory=set)
    figures: Counter = field(factory=Counter)
    problems: list = field(factory=list)

    def client(self, first, count):
        """Interrupt the calls of one client, then close it."""
        client = ETCDService({"hosts": self.host, "timeout": 5})
        for number in range(first, first + count):
            self.call(client, number)
        self.timed(f"close after {first + count}", client.close)
        left = self.until(lambda: self.threads() - self.others)
        self.others |= left
        stuck = {one for one in left if is_in_grpc(one)}
        self.figures["threads that gRPC holds up"] += len(stuck)
        if left - stuck:
            self.problem(f"threads after {first + count}: {[one.name for one in left - stuck]}")
            faulthandler.dump_traceback(all_threads=True)
        self.held = set()
        self.leases(f"close after {first + count}")

    def call(self, client, number):
        """Interrupt one call."""
        call, handles = self.interrupts.random.choice(CALLS), []
        name = f"{call.__name__} {number}"
        try:
            with self.interrupts.during():
                call(client, number, handles)
        except Exception as error:
            self.problem(f"{name}: {error!r} for {error.__context__!r}")
        self.figures["interrupted"] += self.interrupts.caught is not None
        self.figures["calls"] += 1
        self.timed(f"get after {name}", client.get("k").string)
        self.timed(f"watch after {name}", lambda: client.watch().key("k").create().cancel())
        for handle in handles:
            if getattr(handle, "held", getattr(handle, "alive", False)):
                self.timed(f"end of {name}", getattr(handle, "release", None) or handle.deregister)
        if self.interrupts.was_inside:
            self.leases(name)
        else:
            self.figures["outside"] += 1
            self.held = self.held | set(self.observer.leases())

    @staticmethod
    def threads():
        return {one for one in threading.enumerate() if one.name.startswith(PREFIX)}

    def leases(self, name):
        """Check that no other leases are left than those that are held."""
        if left := self.until(lambda: set(self.observer.leases()) - self.held):
            self.problem(f"leases after {name}: {[self.keys(one) for one in left]}")
            self.held = self.held | left

    def keys(self, lease):
        return self.observer.lease_of(lease).time_to_live(keys=True).keys

    def timed(self, name, call):
        """Make a call that is not interrupted, and must be fast."""
        start = time.monotonic()
        try:
            call()
        except Exception as error:
            self.problem(f"{name}: {error!r}")
        if time.monotonic() - start > SLOW:
            self.problem(f"{name}: {time.monotonic() - start:.1f} s")
            faulthandler.dump_traceback(all_threads=True)

    def until(self, found):
        """Return what is found, at the end of a bound if it is not empty before."""
        end = time.monotonic() + BOUND
        while (left := found()) and time.monotonic() < end:
            time.sleep(0.01)
        return left

    def problem(self, text):
        self.problems.append(text)
        print(text, file=sys.stderr, flush=True)


def is_in_grpc(thread):
    """Whether a thread waits inside of gRPC: an interrupt in one of its conditions leaves that held for ever."""
    frame = sys._current_frames().get(thread.ident)
    return frame is not None and any(one.f_globals["__name__"].startswith("grpc") for one, _ in walk_stack(frame))


def main(host, seed, count):
    """Interrupt about so many calls; prints the figures."""
    with ETCDService({"hosts": host}) as observer:
        observer.put("held/0").value("an entry in a lock's queue")
        run = Run(host, Interrupts(int(seed)), observer)
        number = 0
        while run.figures["interrupted"] < int(count):
            run.client(number, CALLS_OF_A_CLIENT)
            number += CALLS_OF_A_CLIENT
    print(json.dumps({**run.figures, "problems": run.problems}))


if __name__ == "__main__":
    main(*sys.argv[1:])
