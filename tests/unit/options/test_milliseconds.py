"""Durations that were written in milliseconds, as Node's clients have them."""

from __future__ import annotations

import pytest

from etcd_factory import ClientOptions, ETCDServiceFactory


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [({"dialTimeout": 3000}, "dial_timeout", 3000), ({"timeout": 5000}, "timeout", 5000)],
)
def test_what_looks_like_milliseconds_is_warned_of(caplog, given, name, value):
    assert getattr(ClientOptions.of(given), name) == value
    advice = f"for milliseconds write '{value}ms', if it is meant '{value}s'"
    assert caplog.messages == [f"{name}: {value} are seconds; {advice}"]


@pytest.mark.parametrize("value", [999, 1500.5, "5000s", "2h", "5000ms"])
def test_what_has_a_unit_or_is_short_is_not(caplog, value):
    ClientOptions.of({"timeout": value, "dial_timeout": value})
    assert caplog.messages == []


def test_in_a_factory_it_is_warned_of_with_its_file_and_path(caplog, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("etcd: {clients: {a: {hosts: '127.0.0.1', dialTimeout: 3000}}}")
    with ETCDServiceFactory.from_config(path):
        (message,) = caplog.messages
    assert message.startswith(f"{path}: etcd.clients.a.dial_timeout: 3000 are seconds; for milliseconds write '3000ms'")
