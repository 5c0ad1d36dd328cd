from __future__ import annotations

import pytest

from etcd_factory import ETCDService, errors
from etcd_factory.cli.doctor.access import access, namespace, refused
from etcd_factory.options import ClientOptions
from etcd_factory.testing import ScriptedTransport, replies

ALICE = ClientOptions(auth={"username": "alice", "password": "hunter2"}, namespace="app/")


def test_a_client_that_may_read():
    with ScriptedTransport([replies.get({"app/k": "v"})]) as transport:
        found = list(access(ETCDService({"namespace": "app/"}, transport=transport)))
    assert {one.check: one.level for one in found} == {"credentials": "ok", "permission": "ok", "namespace": "ok"}


@pytest.mark.parametrize(
    ("error", "check"),
    [
        (errors.AuthenticationFailedError("x"), "credentials"),
        (errors.InvalidAuthTokenError("x"), "credentials"),
        (errors.DeadlineExceededError("x"), "read"),
    ],
)
def test_each_refusal_has_an_advice_and_shows_no_secret(error, check):
    found = refused(error, ALICE)
    assert (found.check, found.level) == (check, "failed")
    assert found.advice
    assert "with_options" not in found.advice
    assert "hunter2" not in str(found)


def test_a_password_that_cannot_be_read_any_more_is_a_finding(tmp_path):
    file = tmp_path / "password"
    file.write_text("hunter2")
    auth = {"username": "alice", "password": {"file": str(file)}}
    with ETCDService({"hosts": "127.0.0.1:1", "auth": auth, "timeout": 1, "dial_timeout": 0.5}) as etcd:
        file.unlink()
        (found,) = access(etcd)
    assert (found.check, found.level) == ("credentials", "failed")
    assert "No such file" in found.message


def test_no_namespace_is_fine():
    assert namespace(ClientOptions(), 0).level == "ok"
    assert namespace(ALICE, 3).message == "3 keys in 'app/'"
