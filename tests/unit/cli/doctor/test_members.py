from __future__ import annotations

import pytest

from etcd_factory.cli.doctor import members
from etcd_factory.errors import AuthenticationFailedError, DeadlineExceededError, PermissionDeniedError
from etcd_factory.model.cluster import Status


class Etcd:
    """A client whose members have this status."""

    def __init__(self, answer):
        self.maintenance, self.answer = self, answer

    def status(self, url):
        assert url == "http://h:1"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def levels(answer):
    """The findings of a member, by their check."""
    return {one.check: one.level for one in members.member(Etcd(answer), "http://h:1", "h:1")}


def test_a_good_member():
    assert levels(Status("3.5.16", leader=1, member=2)) == {"version": "ok", "leader": "ok"}


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("3.3.27", "warning"),
        ("3.4.0", "ok"),
        ("3.5.0", "warning"),
        ("3.5.2", "warning"),
        ("3.5.3", "ok"),
        ("3.6.0-rc.1", "ok"),
    ],
)
def test_versions_to_upgrade(version, level):
    assert members.version(Status(version), "h").level == level


def test_a_member_without_a_leader_and_a_learner():
    assert levels(Status("3.5.16", errors=("etcdserver: no leader",))) == {"version": "ok", "leader": "failed"}
    assert levels(Status("3.5.16", leader=1, is_learner=True))["leader"] == "warning"


def test_alarms():
    assert levels(Status("3.5.16", leader=1, errors=("memberID:1 alarm:NOSPACE ",)))["alarm"] == "failed"


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (PermissionDeniedError("x"), {"version": "ok"}),
        (AuthenticationFailedError("x"), {}),
        (DeadlineExceededError("x"), {"member": "failed"}),
    ],
)
def test_a_member_that_does_not_tell(error, found):
    assert levels(error) == found
