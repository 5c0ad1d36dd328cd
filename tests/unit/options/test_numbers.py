from __future__ import annotations

import datetime

import pytest

from etcd_factory import ClientOptions
from etcd_factory.options.numbers import Resolved, count, duration, flag, interval, number, seconds, whole_seconds
from etcd_factory.options.services import ServiceDiscovery

FORM = "expected a number of seconds, or a duration like '5s' or '500ms', got "


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5s", 5),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("2m", 120),
        ("1h", 3600),
        ("1m30s", 90),
        ("1h1m1s1ms", 3661.001),
        ("250us", 0.00025),
        ("250\u00b5s", 0.00025),
        ("1ns", 1e-9),
        ("5", None),
        ("", None),
        ("s", None),
        ("-5s", None),
        ("5 s", None),
        ("5S", None),
        ("5sec", None),
        ("5.s", None),
        ("soon", None),
        ("5s\n", None),
    ],
)
def test_the_durations_of_go(text, value):
    assert duration(text) == (pytest.approx(value, rel=1e-12) if value else None)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (1, 1),
        (0.001, 0.001),
        (9e9, 9e9),
        (10**300, 10**300),
        ("5s", 5),
        (" 500ms ", 0.5),
        (Resolved("5"), 5),
        (Resolved(" 0.5 "), 0.5),
        (Resolved("1e3"), 1000),
        (Resolved("5s"), 5),
    ],
)
def test_a_duration_is_a_number_or_text_with_a_unit(value, result):
    assert seconds(value) == interval(value) == result


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (seconds, "5", f"{FORM}'5'"),
        (seconds, "soon", f"{FORM}'soon'"),
        (seconds, "5 sec", f"{FORM}'5 sec'"),
        (seconds, "", f"{FORM}''"),
        (seconds, True, f"{FORM}bool"),
        (seconds, None, f"{FORM}nothing"),
        (seconds, [5], f"{FORM}list"),
        (seconds, datetime.timedelta(5), f"{FORM}timedelta"),
        (seconds, Resolved("soon"), f"{FORM}'soon'"),
        (seconds, Resolved("true"), f"{FORM}'true'"),
        (seconds, Resolved(""), f"{FORM}''"),
        (seconds, 0, "expected a number of seconds above 0, got 0"),
        (seconds, "0s", "expected a number of seconds above 0, got 0s"),
        (seconds, -1.5, "expected a number of seconds above 0, got -1.5"),
        (seconds, float("inf"), "expected a number of seconds above 0, got inf"),
        (seconds, float("nan"), "expected a number of seconds above 0, got nan"),
        (seconds, Resolved("inf"), "expected a number of seconds above 0, got inf"),
        (seconds, "9" * 400 + "s", "expected a number of seconds above 0, got " + "9" * 400 + "s"),
        (count, 1.0, "expected a whole number, got float"),
        (count, True, "expected a whole number, got bool"),
        (count, "1", "expected a whole number, got '1'"),
        (count, Resolved("1.5"), "expected a whole number, got '1.5'"),
        (count, Resolved("9" * 5000), f"expected a whole number, got '{'9' * 5000}'"),
        (count, 0, "expected a whole number above 0, got 0"),
        (count, -1, "expected a whole number above 0, got -1"),
        (count, Resolved("-1"), "expected a whole number above 0, got -1"),
        (whole_seconds, "1500ms", "expected a whole number of seconds above 0, got 1500ms"),
        (whole_seconds, "0s", "expected a whole number of seconds above 0, got 0s"),
        (whole_seconds, "10", "expected a whole number, got '10'"),
        (whole_seconds, 1.5, "expected a whole number, got float"),
    ],
)
def test_an_invalid_number_is_an_error_that_shows_it(faults, read, value, message):
    assert faults(read, value) == [message]


def test_a_whole_number_may_be_resolved():
    assert (count(3), count(Resolved("3"))) == (3, 3)
    assert (whole_seconds(3), whole_seconds("3s"), whole_seconds("1m"), whole_seconds(Resolved("3"))) == (3, 3, 60, 3)
    assert type(whole_seconds("1m")) is int


@pytest.mark.parametrize("value", ["5", 5, None, True, [5]], ids=repr)
def test_only_resolved_text_is_read_as_a_number(value):
    assert number(value) is value


@pytest.mark.parametrize(
    ("value", "result"),
    [(Resolved("false"), False), (Resolved("Yes"), True), (Resolved("0"), "0"), ("false", "false"), (True, True)],
)
def test_only_resolved_text_is_read_as_a_boolean(value, result):
    assert flag(value) == result


def test_every_duration_of_the_options_may_have_a_unit():
    options = ClientOptions(
        timeout="5s",
        dial_timeout="500ms",
        sync="1m",
        retry={"initial": "10ms", "maximum": "2s"},
        keepalive={"time": "30s", "timeout": "5s"},
    )
    assert (options.timeout, options.dial_timeout, options.sync) == (5, 0.5, 60)
    assert (options.retry.initial, options.retry.maximum) == (0.01, 2)
    assert (options.keepalive.time, options.keepalive.timeout) == (30, 5)
    assert ServiceDiscovery(ttl="15s").ttl == 15
