from __future__ import annotations

import pytest

from etcd_factory import ETCDService
from etcd_factory.cli import top
from etcd_factory.cli.doctor.finding import ok
from etcd_factory.cli.doctor.probe import Page
from etcd_factory.errors import DeadlineExceededError
from etcd_factory.io.http2.host import host
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport

TEXT = b"""# HELP etcd_debugging_mvcc_keys_total Total number of keys.
etcd_debugging_mvcc_keys_total 12
etcd_debugging_mvcc_watcher_total 3
etcd_mvcc_put_total %d
etcd_other{le="1"} 5
"""


@pytest.fixture
def one():
    """A host."""
    return host("http://h:1", ClientOptions(hosts="h:1"))


def test_metrics_by_column(one, monkeypatch):
    monkeypatch.setattr(top, "page", lambda *_: Page({}, TEXT % 5))
    assert top.metrics(one) == {"keys": 12, "watches": 3, "puts": 5}


def test_puts_a_second_are_the_difference_to_the_last_look(one, monkeypatch):
    texts, clock = iter([TEXT % 5, TEXT % 25]), iter([100.0, 110.0])
    monkeypatch.setattr(top, "page", lambda *_: Page({}, next(texts)))
    monkeypatch.setattr(top, "monotonic", lambda: next(clock))
    before = {}
    assert top.row(one, before)["puts_per_s"] is None
    assert top.row(one, before) == {"host": "h:1", "keys": 12, "watches": 3, "puts_per_s": 2.0}


def test_a_host_without_metrics_is_shown_too(one, monkeypatch):
    monkeypatch.setattr(top, "page", lambda *_: None)
    monkeypatch.setattr(top, "connection", lambda _: ok("connection", "connected"))
    assert top.row(one, {}) == {"host": "h:1", "problem": "no metrics"}


def test_a_client_whose_reads_fail_is_shown_with_the_reason(refused):
    with ETCDService({"hosts": refused, "timeout": 1, "dial_timeout": 0.5}) as etcd:
        (row,) = top.rows_of("default", etcd, {})
    assert (row["client"], row["host"], row["latency_ms"]) == ("default", refused, None)
    assert "refused" in row["problem"]


def test_each_row_has_the_same_fields(refused):
    with ETCDService({"hosts": [refused, "127.0.0.1:1"], "timeout": 1, "dial_timeout": 0.5}) as etcd:
        rows = top.rows_of("default", etcd, {})
    assert [tuple(row) for row in rows] == [top.COLUMNS] * len(rows)


def test_a_host_that_is_away_is_shown_with_the_reason(refused):
    away = host(f"http://{refused}", ClientOptions(hosts=refused))
    assert top.row(away, {}) == {"host": refused, "problem": "nothing listens there: connection refused"}


@pytest.fixture
def refused():
    """A host that refuses connections."""
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def test_a_read_without_a_response_names_the_option_of_the_command_line():
    options = {"hosts": "h:1", "timeout": 0.01, "retry": {"attempts": 1}}
    with ETCDService(options, transport=ScriptedTransport([DeadlineExceededError("late")])) as etcd:
        _, problem = top.looked(etcd)
    assert problem is not None
    assert "raise --timeout" in problem
