"""The command line on a cluster that has lost its quorum: what it says, and its exit code."""

from __future__ import annotations

import json

import pytest

from etcd_factory import ETCDService
from etcd_factory.cli.advice import NO_LEADER
from etcd_factory.errors import DeadlineExceededError
from etcd_factory.testing import EtcdCluster

TIMEOUT = 1


@pytest.fixture(scope="module")
def alone():
    """The only member of three that runs."""
    with EtcdCluster() as cluster:
        for member in cluster.members[:2]:
            member.kill()
        yield cluster.members[2].endpoint


@pytest.fixture
def bereft(run, alone):
    """Runs a command on that member."""
    return lambda *arguments: run("--hosts", alone, "--timeout", TIMEOUT, *arguments)


@pytest.mark.parametrize(
    "command",
    [
        ("lock", "x", "--", "true"),
        ("elect", "x", "--", "true"),
        ("lease", "grant", 10),
        ("services", "register", "x", "--host", "h", "--port", 1),
    ],
    ids=lambda command: command[0],
)
def test_what_needs_a_lease_says_why_it_fails_not_that_closing_failed(bereft, command):
    done = bereft(*command)
    assert (done.code, done.out) == (3, "")
    assert "error: grant a lease at " in done.err
    assert "create a new one" not in done.err
    assert "closing" not in done.err


def test_that_the_member_has_no_leader_is_said_where_no_response_comes(bereft):
    done = bereft("put", "k", "v")
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith("; the write may have been applied; " + NO_LEADER + "\n")
    assert "with_options" not in done.err


def test_with_json_the_standard_error_is_json_alone(bereft):
    lines = [json.loads(line) for line in bereft("lease", "grant", 10, "--json").err.splitlines()]
    assert lines[-1]["exit_code"] == 3
    assert {"log", "level", "logger"} in map(set, lines)


def test_a_lease_that_may_be_left_is_logged_with_its_time(alone, caplog):
    with ETCDService({"hosts": alone, "timeout": TIMEOUT}) as etcd, pytest.raises(DeadlineExceededError):
        etcd.lease(10).grant()
    assert "a lease that may have been granted could not be revoked, and ends by itself within 10 s" in caplog.text
