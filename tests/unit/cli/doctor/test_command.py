from __future__ import annotations

from etcd_factory.cli.doctor import Finding, Report
from etcd_factory.cli.doctor.command import described, line


def test_a_finding_as_text_says_what_to_do_on_a_line_of_its_own():
    found = line(Finding("TLS", "failed", "wrong \x1b", "set tls.ca", "h:1"))
    assert found.plain == "  FAIL TLS         h:1: wrong \\x1b\n       -> set tls.ca"
    assert line(Finding("name", "ok", "fine")).plain == "  ok   name        fine"


def test_a_report_as_json():
    found = described(Report("one", (Finding("name", "ok", "fine"),), (0.12345,)))
    assert (found["client"], found["ok"], found["latency_ms"]) == ("one", True, [0.123])
    assert found["findings"] == [{"check": "name", "level": "ok", "message": "fine", "advice": "", "host": ""}]


def test_the_exit_code_is_1_if_something_failed(run):
    done = run("doctor", "--hosts", "127.0.0.1:1")
    assert done.code == 1
    assert "FAIL connection  127.0.0.1:1: nothing listens there" in done.out
    assert done.err == ""
