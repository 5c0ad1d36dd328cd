"""A server that runs already."""

from etcd_factory.testing import GivenServer
from etcd_factory.testing.binary import ENDPOINTS_VARIABLE


def test_its_endpoints_come_from_the_environment(monkeypatch):
    monkeypatch.setenv(ENDPOINTS_VARIABLE, "a:1, b:2")
    server = GivenServer()
    assert (server.endpoint, server.endpoints) == ("a:1", ("a:1", "b:2"))


def test_endpoints_passed_override_the_environment(monkeypatch):
    monkeypatch.setenv(ENDPOINTS_VARIABLE, "a:1")
    assert GivenServer(("c:3",)).endpoint == "c:3"
