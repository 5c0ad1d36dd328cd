from __future__ import annotations

from etcd_factory.cli.doctor.finding import Finding, failed, ok, warning


def test_each_level_has_a_function():
    assert ok("c", "m", "h") == Finding("c", "ok", "m", "", "h")
    assert warning("c", "m", "a", "h") == Finding("c", "warning", "m", "a", "h")
    assert failed("c", "m", "a") == Finding("c", "failed", "m", "a", "")
