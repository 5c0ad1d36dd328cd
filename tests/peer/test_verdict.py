"""How results are read and judged; runs no test of python-etcd3 and needs no network."""

import pytest

from .sdist import genuine
from .suite import read
from .verdict import BROKEN, LOCK, lost, report, surprises

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_etcd3.TestA" name="test_good"/>
<testcase classname="tests.test_etcd3.TestA" name="test_bad"><failure message="TypeError: no&#10;more"/></testcase>
<testcase classname="tests.test_etcd3.TestA" name="test_left"><skipped message="too old"/></testcase>
<testcase classname="tests.test_etcd3.TestA" name="test_late"/>
<testcase classname="tests.test_etcd3.TestA" name="test_late"><error message="at the end"/></testcase>
</testsuite></testsuites>"""

GOOD = {"TestA.test_good": ""}
PLAIN = {**GOOD, **dict.fromkeys(LOCK, ""), **dict.fromkeys(BROKEN, "no such module")}
OURS = {**PLAIN, **dict.fromkeys(LOCK, "TypeError")}
OLDER = dict.fromkeys(LOCK, "")


def unexpected(plain=PLAIN, ours=OURS, older=OLDER):
    return list(surprises(plain, ours, older))


def test_a_report_is_read(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    faults = {"test_good": "", "test_bad": "TypeError: no", "test_left": "too old", "test_late": "at the end"}
    assert read(tmp_path / "report.xml") == {f"TestA.{name}": fault for name, fault in faults.items()}


def test_only_the_lock_may_fail():
    assert lost(PLAIN, OURS) == sorted(LOCK)
    assert unexpected() == []


def test_passing_everywhere_is_expected():
    assert unexpected(ours=PLAIN, older={}) == []


@pytest.mark.parametrize("ours", [{**OURS, "TestA.test_good": "AssertionError"}, {test: OURS[test] for test in LOCK}])
def test_a_test_that_fails_or_does_not_run_only_through_raw_is_reported(ours):
    assert unexpected(ours=ours) == ["TestA.test_good passes plain, and not through etcd.raw"]


def test_a_test_that_fails_plain_is_reported():
    assert unexpected(plain={**PLAIN, "TestA.test_good": "OSError"}) == ["TestA.test_good does not pass plain"]


def test_plain_results_without_a_pass_are_reported():
    assert unexpected(plain={}, ours={}, older={}) == ["nothing passes plain"]


def test_a_lock_that_fails_with_the_older_tenacity_is_reported():
    assert unexpected(older={**OLDER, LOCK[0]: "TypeError"}) == [f"{LOCK[0]} fails with the older tenacity too"]


def test_the_report_has_both_results_of_every_test_and_reasons_of_failures():
    lines = list(report(PLAIN, OURS, OLDER))
    assert "passed  passed  TestA.test_good" in lines
    assert f"passed  failed  {LOCK[0]}" in lines
    assert any(line.startswith(f"  {LOCK[0]}; TypeError; ") for line in lines)
    assert any(line.startswith("  TestClient.test_user_pwd_auth; no such module; ") for line in lines)


def test_another_release_is_refused():
    with pytest.raises(ValueError, match="sha256"):
        genuine(b"not the release")
