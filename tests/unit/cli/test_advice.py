from __future__ import annotations

import pytest

from etcd_factory import ETCDService
from etcd_factory.cli.advice import AWAY, NO_LEADER, SLOW, advised, explained
from etcd_factory.errors import ConnectionFailedError, DeadlineExceededError, PermissionDeniedError
from etcd_factory.testing import ScriptedTransport, replies


@pytest.mark.parametrize(("kind", "hint"), [(DeadlineExceededError, SLOW), (ConnectionFailedError, AWAY)])
def test_an_error_names_the_options_of_the_command_line(kind, hint):
    text = str(advised(kind("x")))
    assert hint in text
    assert "with_options" not in text


def test_other_errors_keep_their_advice_and_so_do_those_that_were_explained():
    assert advised(PermissionDeniedError("x")).hint == PermissionDeniedError.hint
    told = DeadlineExceededError("x")
    told.hint = NO_LEADER
    assert advised(told).hint == NO_LEADER
    assert advised("text") == "text"


@pytest.mark.parametrize(
    ("script", "hint"),
    [
        ([replies.of("Status", leader=0)], NO_LEADER),
        ([replies.of("Status", leader=7)], DeadlineExceededError.hint),
        ([replies.refused()], DeadlineExceededError.hint),
    ],
)
def test_a_member_that_does_not_answer_is_asked_for_its_leader_once(script, hint):
    transport, late = ScriptedTransport(script), DeadlineExceededError("late", endpoint="h:1")
    options = {"hosts": "h:1", "retry": {"attempts": 1}}
    with ETCDService(options, transport=transport) as etcd, pytest.raises(DeadlineExceededError), explained(etcd):
        raise late
    assert late.hint == hint
    assert [call.method for call in transport.calls] == ["Status"]


def test_a_host_that_is_not_of_the_client_is_not_asked():
    transport = ScriptedTransport([])
    with (
        ETCDService({"hosts": "h:1"}, transport=transport) as etcd,
        pytest.raises(DeadlineExceededError),
        explained(etcd),
    ):
        raise DeadlineExceededError("late", endpoint="other:1")
    assert transport.calls == []
