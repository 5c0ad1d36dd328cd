"""Ctrl-C at random moments of blocking calls: what was begun ends, and the client can be used."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import etcd_factory
from etcd_factory import ETCDService
from tests.support.places import places

ROOT = Path(etcd_factory.__file__).parent.parent
COUNT = os.environ.get("TESTS_INTERRUPTS", "60")
SEED = os.environ.get("TESTS_SEED", "20261130")
MOST = 2000  # places of a call where an interrupt may come
SLOW = 20.0  # seconds; whoever waits for an answer that nobody reads waits for the whole 60
BOUND = 120 + int(COUNT)  # seconds that no run takes


def test_calls_interrupted_at_any_moment_leave_nothing_and_a_client_that_can_be_used(server):
    """``TESTS_INTERRUPTS=500`` interrupts more calls."""
    args = [sys.executable, "-m", "tests.support.interrupts", server.endpoint, SEED, COUNT]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(args, cwd=ROOT, env=env, capture_output=True, text=True, timeout=BOUND, check=False)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert figures["problems"] == [], ended.stderr
    assert figures["interrupted"] >= int(COUNT)


def interrupted(test):
    """Let be what an interrupt leaves between the making of a thing and its first use."""
    never = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
    unclosed = pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    )
    return never(unclosed(test))


@pytest.fixture
def client(server):
    gc.disable()  # what it collects while a place is sought would be interrupted in its finalizer, which is not heard
    try:
        with ETCDService({"hosts": server.endpoint, "share": False, "timeout": 60}) as one:
            one.put("k").value("v")
            yield one
    finally:
        gc.enable()


def slow(call):
    """Return how long a call took if that is too long."""
    start = time.monotonic()
    call()
    took = time.monotonic() - start
    return took if took > SLOW else None


@interrupted
def test_a_call_interrupted_at_any_place_leaves_a_client_whose_next_calls_are_answered(client):
    get, found = client.get("k").string, []
    for place in places(MOST):
        with place:
            get()
        if place.where and (took := slow(get)):
            found.append(f"{place.where}: {took:.1f} s")
    assert not found


@interrupted
def test_a_call_interrupted_at_any_place_does_not_hold_up_other_threads(client):
    get, found, ended = client.get("k").string, [], threading.Event()

    def loop():
        while not ended.is_set():
            if took := slow(get):
                found.append(f"{took:.1f} s")

    with ThreadPoolExecutor(3) as others:
        running = [others.submit(loop) for _ in range(3)]
        try:
            for place in places(MOST):
                with place:
                    get()
        finally:
            ended.set()
        assert [one.result() for one in running] == [None] * 3
    assert not found


def put_two(client, number):
    """Put two values; returns them."""
    values = [f"{number}-{part}".encode() for part in ("first", "second")]
    for value in values:
        client.put("watched").value(value)
    return values


@interrupted
@pytest.mark.parametrize("delay", [0.0, 0.02], ids=["that is there", "that comes later"])
def test_a_take_of_an_event_interrupted_at_any_place_loses_and_repeats_nothing_else(client, server, delay):
    """``take`` reads the connection itself; what it was about to return when it was interrupted may be gone."""
    found = []
    with (
        ETCDService({"hosts": server.endpoint, "share": False, "timeout": 60}) as other,
        ThreadPoolExecutor(1) as writer,
        client.watch().key("watched").create() as watcher,
    ):
        for place in places(MOST):
            writing = writer.submit(lambda number: (time.sleep(delay), put_two(other, number))[1], place.number)
            values = writing.result() if not delay else None
            taken = []
            with place:
                taken.append(watcher.take(timeout=60).kv.value)
            values = values or writing.result()
            while values[-1] not in taken and (event := watcher.take(timeout=SLOW)) is not None:
                taken.append(event.kv.value)
            if taken != values[-len(taken) :]:
                found.append((place.where, taken))
    assert not found
