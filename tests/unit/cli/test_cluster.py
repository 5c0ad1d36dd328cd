from __future__ import annotations

import pytest

from etcd_factory.cli.cluster import described, found, progress, row
from etcd_factory.cli.session import Session
from etcd_factory.model.cluster import Member, Status

MEMBERS = (Member(255, "one", ("http://p",), ("http://c",)), Member(16))


class Etcd:
    """A client of a cluster with these members."""

    class cluster:  # noqa: N801
        members = staticmethod(lambda: MEMBERS)


@pytest.mark.parametrize(("wanted", "member"), [("ff", MEMBERS[0]), ("one", MEMBERS[0]), ("10", MEMBERS[1])])
def test_a_member_is_found_by_id_or_name(wanted, member):
    assert found(Etcd, wanted) is member


def test_an_unknown_member_is_an_error_that_lists_them():
    with pytest.raises(ValueError, match=r"'two'; there are: ff \(one\), 10 \(not started\)"):
        found(Etcd, "two")


def test_ids_are_printed_in_hexadecimal():
    assert described(MEMBERS[0])["id"] == "ff"
    printed = row(Status("3.5.1", leader=16, member=255))
    assert (printed["leader"], printed["member"]) == ("10", "ff")
    assert row(Status("3.5.1"))["leader"] == "none"


def test_a_pipe_gets_no_progress_bar():
    assert progress(Session()).disable
