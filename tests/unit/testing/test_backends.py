"""Which server each value of ``--etcd`` selects."""

import pytest

from etcd_factory import ETCDService
from etcd_factory.testing import EtcdServer, GivenServer, ServerError
from etcd_factory.testing.backends import BACKENDS
from etcd_factory.testing.binary import ENDPOINTS_VARIABLE

IMAGE = "etcd:none"


def test_auto_uses_given_endpoints(monkeypatch):
    monkeypatch.setenv(ENDPOINTS_VARIABLE, "a:1,b:2")
    with BACKENDS["auto"](IMAGE) as server:
        assert server == GivenServer(("a:1", "b:2"))


@pytest.mark.parametrize(("name", "endpoints"), [("auto", ""), ("binary", ""), ("binary", "a:1")])
def test_a_process_is_started_otherwise(monkeypatch, name, endpoints):
    monkeypatch.setenv(ENDPOINTS_VARIABLE, endpoints)
    assert isinstance(BACKENDS[name](IMAGE), EtcdServer)


def test_a_container_needs_a_docker_engine(no_engine):
    with pytest.raises(ServerError, match="--etcd=container: no Docker engine answers"):
        BACKENDS["container"](IMAGE)


def test_an_etcd_in_memory_is_reached_at_its_endpoint():
    with BACKENDS["fake"](IMAGE) as fake, ETCDService({"hosts": [*fake.endpoints]}) as etcd:
        etcd.put("k").value("v")
        assert (fake.endpoint, fake.revision) == ("fake-etcd.invalid:2379", 2)
