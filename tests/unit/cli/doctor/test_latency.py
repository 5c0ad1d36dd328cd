from __future__ import annotations

import pytest

from etcd_factory import ETCDService
from etcd_factory.cli.doctor.latency import bars, histogram, judged, measured, quantile
from etcd_factory.testing import ScriptedTransport, replies


def test_quantiles():
    sample = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert (quantile(sample, 0), quantile(sample, 0.5), quantile(sample, 0.9), quantile(sample, 1)) == (1, 3, 5, 5)


def test_a_histogram_has_no_empty_ends():
    assert histogram([0.7, 0.8, 3.0]) == {"<= 1 ms": 2, "<= 2 ms": 0, "<= 5 ms": 1}
    assert histogram([5000.0]) == {" > 1000 ms": 1}
    assert histogram([]) == {}


def test_bars_are_as_long_as_their_numbers():
    assert [line.split() for line in bars({"a": 4, "b": 1, "c": 0})] == [
        ["a", "#" * 40, "4"],
        ["b", "#" * 10, "1"],
        ["c", "0"],
    ]


@pytest.mark.parametrize(("milliseconds", "level"), [(1.0, "ok"), (500.0, "warning")])
def test_slow_reads_are_a_warning(milliseconds, level):
    assert judged([milliseconds] * 3).level == level


def test_as_many_reads_as_asked_for_are_measured():
    with ScriptedTransport([replies.get({})] * 3) as transport:
        assert len(measured(ETCDService(transport=transport), 3)) == 3
