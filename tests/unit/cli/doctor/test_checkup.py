from __future__ import annotations

import socket

import pytest

from etcd_factory import ETCDService
from etcd_factory.cli.doctor import Finding, Report, checkup


@pytest.mark.parametrize(("level", "is_ok"), [("ok", True), ("warning", True), ("failed", False)])
def test_a_report_is_ok_unless_something_failed(level, is_ok):
    assert Report("x", (Finding("c", level, "m"),)).is_ok is is_ok


def test_what_cannot_work_any_more_is_left_out():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with ETCDService({"hosts": f"127.0.0.1:{held.getsockname()[1]}"}) as etcd:
            report = checkup("one", etcd)
    assert [(one.check, one.level) for one in report.findings] == [("name", "ok"), ("connection", "failed")]
    assert (report.client, report.latencies) == ("one", ())
