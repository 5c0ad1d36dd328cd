"""Warnings that are logged once."""

from __future__ import annotations

from etcd_factory.registry.formats import once
from etcd_factory.registry.formats.once import Once


def test_each_warning_is_logged_once(caplog):
    warnings = Once()
    for number in (1, 2, 1, 2):
        warnings.warn("ignoring %r", number)
    assert caplog.messages == ["ignoring 1", "ignoring 2"]


def test_what_is_remembered_is_bounded(caplog, monkeypatch):
    monkeypatch.setattr(once, "MOST", 2)
    warnings = Once()
    for number in (1, 2, 3, 1):
        warnings.warn("ignoring %r", number)
    assert len(caplog.messages) == 4
