"""Which version of etcd does what."""

from __future__ import annotations

import pytest

from tests.support.etcd_versions import REFUSES_RENEWALS, Since, minors_below, need, need_before, progress_flag

BACKPORTED = Since("etcd does it", "3.5.28 3.6.9 3.7.0")


@pytest.mark.parametrize(
    ("version", "holds"),
    [
        ("3.4.40", False),
        ("3.5.27", False),
        ("3.5.28", True),
        ("3.6.0-rc.4", False),
        ("3.6.8", False),
        ("3.6.10", True),
        ("3.7.0", True),
        ("3.8.0", True),
        ("4.0.0", True),
    ],
)
def test_a_backported_change_is_in_each_series_from_its_own_release_on(version, holds):
    assert BACKPORTED.holds(version) is holds


@pytest.mark.parametrize(("version", "holds"), [("3.4.99", False), ("3.5.4", False), ("3.5.5", True), ("3.6.0", True)])
def test_a_change_of_one_series_is_in_all_later_ones(version, holds):
    assert Since("etcd does it", "3.5.5").holds(version) is holds


def test_a_skip_says_which_versions_do_it_and_which_this_is():
    with pytest.raises(pytest.skip.Exception) as caught:
        need(BACKPORTED, "3.5.1")
    assert str(caught.value) == "only from 3.5.28 and 3.6.9 and 3.7.0 on etcd does it; this is 3.5.1"
    with pytest.raises(pytest.skip.Exception) as caught:
        need_before(BACKPORTED, "3.7.1")
    assert str(caught.value) == "from 3.5.28 and 3.6.9 and 3.7.0 on etcd does it; this is 3.7.1"
    need(REFUSES_RENEWALS, "3.5.28")
    need_before(REFUSES_RENEWALS, "3.5.27")


@pytest.mark.parametrize(
    ("version", "flag"),
    [
        ("3.5.30", "--experimental-watch-progress-notify-interval=1s"),
        ("3.6.0", "--watch-progress-notify-interval=1s"),
    ],
)
def test_the_flag_of_progress_reports_is_that_of_the_version(version, flag):
    assert progress_flag("1s", version) == flag


def test_a_minor_version_below_has_no_patch():
    assert (minors_below("3.5.30", 0), minors_below("3.6.0-rc.4", 1)) == ("3.5", "3.5")
