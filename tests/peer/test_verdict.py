"""What the runner makes of results; it runs nothing and needs no network."""

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
MENDED = dict.fromkeys(LOCK, "")


def told(plain=PLAIN, ours=OURS, mended=MENDED):
    return list(surprises(plain, ours, mended))


def test_a_report_is_read(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    faults = {"test_good": "", "test_bad": "TypeError: no", "test_left": "too old", "test_late": "at the end"}
    assert read(tmp_path / "report.xml") == {f"TestA.{name}": fault for name, fault in faults.items()}


def test_nothing_but_the_lock_may_be_lost():
    assert lost(PLAIN, OURS) == sorted(LOCK)
    assert told() == []


def test_what_passes_everywhere_is_no_surprise():
    assert told(ours=PLAIN, mended={}) == []


@pytest.mark.parametrize("ours", [{**OURS, "TestA.test_good": "AssertionError"}, {test: OURS[test] for test in LOCK}])
def test_a_test_that_fails_or_does_not_run_through_ours_alone_is_told(ours):
    assert told(ours=ours) == ["TestA.test_good passes plain, and not through etcd.raw"]


def test_a_test_that_fails_plain_is_told():
    assert told(plain={**PLAIN, "TestA.test_good": "OSError"}) == ["TestA.test_good does not pass plain"]


def test_plain_results_of_which_none_is_good_are_told():
    assert told(plain={}, ours={}, mended={}) == ["nothing passes plain"]


def test_a_lock_that_the_older_tenacity_does_not_mend_is_told():
    assert told(mended={**MENDED, LOCK[0]: "TypeError"}) == [f"{LOCK[0]} is lost with the older tenacity too"]


def test_every_test_is_shown_with_both_results_and_what_fails_with_a_reason():
    lines = list(report(PLAIN, OURS, MENDED))
    assert "passed  passed  TestA.test_good" in lines
    assert f"passed  failed  {LOCK[0]}" in lines
    assert any(line.startswith(f"  {LOCK[0]}; TypeError; ") for line in lines)
    assert any(line.startswith("  TestClient.test_user_pwd_auth; no such module; ") for line in lines)


def test_another_release_is_refused():
    with pytest.raises(ValueError, match="sha256"):
        genuine(b"not the release")
