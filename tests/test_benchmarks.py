"""The benchmarks' own parts: loads, ratios and tables, without a server."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from benchmarks.__main__ import CASES, played
from benchmarks.balancing import latency, pick
from benchmarks.clients import CLIENTS, OPTIONS, Calls, Place
from benchmarks.load import Job, run
from benchmarks.measure import Bar, Ratio, figures, measured, rounds
from benchmarks.plot import draw
from benchmarks.report import Report, number
from benchmarks.throughput import PEERS
from benchmarks.worker import Worker, command, missing
from benchmarks.world import Case

DOC = Path(__file__).parent.parent / "docs" / "benchmarks.md"


class Counting:
    """A client that counts its calls, and how many are on their way."""

    def __init__(self):
        self.keys, self.open, self.most = [], 0, 0

    async def aget(self, key):
        self.keys.append(key)
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0)
        self.open -= 1

    def get(self, key):
        self.keys.append(key)


@pytest.fixture
def client():
    return Counting()


async def test_a_job_calls_as_often_as_it_says_with_so_many_in_flight(client):
    costs = await run(
        Calls(blocking=False, get=client.aget, put=client.aget), Job("get", "k/", 3, in_flight=4, calls=9)
    )
    assert (len(client.keys), client.most) == (9, 4)
    assert set(client.keys) == {"k/00000", "k/00001", "k/00002"}
    assert costs.keys() == {"ops/s", "cpu µs", "p50 ms", "p99 ms", "MB"}


@pytest.mark.parametrize("in_flight", [1, 4])
async def test_a_blocking_job_calls_as_often_as_it_says(client, in_flight):
    calls = Calls(blocking=True, get=client.get, put=client.get)
    await run(calls, Job("get", "k/", 3, in_flight=in_flight, calls=9))
    assert sorted(client.keys) == sorted(f"k/{number % 3:05}" for number in range(9))


def test_ratios_are_those_of_each_round():
    laps = [{"ours": {"ops/s": 20.0}, "Go": {"ops/s": 10.0}}, {"ours": {"ops/s": 30.0}, "Go": {"ops/s": 10.0}}]
    ratio = Ratio.of("case", Bar("Go", "ops/s", least=2.5), laps)
    assert (ratio.ratios, ratio.median, ratio.verdict) == ([2.0, 3.0], 2.5, "met")


@pytest.mark.parametrize(
    ("bar", "ratio", "verdict"),
    [
        (Bar("bare", "cpu µs", 1.15), 1.15, "met"),
        (Bar("bare", "cpu µs", 1.15), 1.16, "NOT MET"),
        (Bar("Go", "ops/s", least=1.1), 1.1, "met"),
        (Bar("Go", "ops/s", least=1.1), 1.0, "NOT MET"),
        (Bar("Go", "ops/s"), 0.1, ""),
    ],
)
def test_a_bar_is_the_most_or_the_least(bar, ratio, verdict):
    assert bar.verdict(ratio) == verdict


def test_a_side_that_is_left_out_has_no_ratio():
    laps = list(rounds({"ours": lambda: {"ops/s": 1.0}, "bare": lambda: {"ops/s": 2.0}}, count=2, turns=1))
    found = measured(
        "case", (Bar("bare", "ops/s"), Bar("Go", "ops/s"), Bar("bare", "ops/s", ours="ours, merged")), laps
    )
    assert [ratio.bar.side for ratio in found] == ["bare"]
    assert list(rounds({}, count=2, turns=1)) == measured("case", (Bar("bare", "ops/s"),), []) == []


class Rounds:
    """A world that keeps in which order rounds are played and the history is discarded."""

    def __init__(self):
        self.done = []

    def compact(self):
        self.done.append("compacted")

    def side(self):
        self.done.append("played" if self.done else "warm-up")
        return {"ops/s": 1.0}


@pytest.mark.parametrize(
    ("past", "done"), [(False, ["warm-up", *["played", "compacted"] * 2]), (True, ["warm-up", "played", "played"])]
)
def test_the_history_is_discarded_after_each_round_of_a_case_that_does_not_read_it(monkeypatch, past, done):
    world = Rounds()
    monkeypatch.setitem(CASES, "one", Case(lambda world: {"ours": world.side}, (), turns=1, past=past))
    list(played("one", world, 2, lambda _: None))
    assert world.done == done


def test_the_table_has_what_belongs_to_it_and_all_figures():
    laps = [{"ours": {"ops/s": 1234.0, "p50 ms": 1.0}, "Go": {"ops/s": 1000.0}}]
    ratios = measured("case", (Bar("Go", "ops/s", least=1.1, table=True), Bar("Go", "ops/s", least=9)), laps)
    lines = list(Report(ratios, list(figures("case", laps)), ["Go is old"]).markdown())
    assert "| case | ours | Go | ops/s | 1,234 | 1,000 | 1.23 | 1.23 | 1.23 | >= 1.1 | met |" in lines
    assert "| case | ours | 1,234 (1,234 - 1,234) | 1.00 (1.00 - 1.00) |" in lines
    assert "| case | Go | 1,000 (1,000 - 1,000) |  |" in lines
    assert not any(">= 9" in line for line in lines)
    assert lines[-1] == "Left out: Go is old."


def test_numbers_have_the_digits_that_matter():
    assert [number(value) for value in (1234567.8, 12.34, 1.234)] == ["1,234,568", "12.3", "1.23"]


def test_every_peer_is_a_client_or_go():
    assert {f"{side} {face}" for face, sides in PEERS.items() for side in sides if side != "Go"} <= CLIENTS.keys()


def test_a_client_that_is_not_installed_says_so(monkeypatch):
    monkeypatch.setattr("benchmarks.worker.find_spec", lambda name: None)
    assert missing("aetcd asyncio") == "aetcd is not installed"
    assert missing("bare asyncio") == ""


def test_an_option_that_is_not_there_says_so(monkeypatch):
    monkeypatch.setitem(OPTIONS, "ours, odd", {"batching": "odd"})
    assert missing("ours, odd asyncio") == "this version has no batching: odd"


@pytest.mark.parametrize("name", ["ours blocking", "ours asyncio", "bare blocking", "bare asyncio"])
def test_a_worker_runs_jobs_of_a_client(etcd_server, name):
    with Worker(command(name, Place(etcd_server.endpoint))) as worker:
        assert worker.run(Job("put", "benchmarks/", 2, in_flight=2, calls=4))["ops/s"] > 0
        assert worker.run(Job("get", "benchmarks/", 2, in_flight=2, calls=4))["ops/s"] > 0


def test_every_name_in_the_document_is_one_of_a_case():
    named = re.findall(r"^\| (`.*?) \|.*`(\w+)\.py` \|$", DOC.read_text(), re.MULTILINE)
    starts = [name.removesuffix("...") for cell, _ in named for name in re.findall("`(.*?)`", cell)]
    whole = [start for start in starts if start[0].isalnum()]  # others continue the name before them
    assert len(named) > 8
    assert [start for start in whole if not any(case.startswith(start) for case in CASES)] == []


def test_the_plot_has_a_line_for_each_client_that_was_measured(tmp_path):
    pytest.importorskip("matplotlib")
    one = {"median": 2.0, "least": 1.0, "most": 3.0}
    places = [(side, unit) for side in ("ours", "Go") for unit in ("ops/s", "p99 ms")]
    draw(
        [{"case": "throughput get asyncio 4", "side": side, "unit": unit, **one} for side, unit in places],
        tmp_path / "p",
    )
    text = (tmp_path / "p").read_text()
    assert text.startswith("<?xml")
    assert ">ours<" in text
    assert ">Go<" in text
    assert ">aetcd<" not in text


# --- balancers


def test_with_one_slow_instance_of_ten_p2c_has_a_fraction_of_the_latency_of_turns():
    """In virtual time, so that it is the same each time."""
    turns, learned = latency("round_robin", 20), latency("p2c", 20)
    assert turns["slow %"] == pytest.approx(10, abs=0.1)
    assert learned["slow %"] < 1
    assert learned["p99 ms"] < turns["p99 ms"] / 3
    assert latency("p2c", 20) == learned


def test_picks_and_uses_of_a_view_are_counted():
    assert pick("least_connections", 3, picks=10).keys() == {"balancer", "instances", "picks/s", "uses/s"}
