"""A fake with the methods of a server, in the process and at a port of gRPC."""

import pytest

from etcd_factory import ETCDService, errors
from tests.support.fake_servers import FakeServer, options_of

ONCE = {"retry": {"attempts": 1}, "timeout": 1}


@pytest.fixture
def server():
    with FakeServer() as one:
        yield one


def test_a_client_reaches_it_in_the_process_and_by_its_port(server):
    with ETCDService({"hosts": [server.endpoint]}) as etcd:
        etcd.put("k").value("v")
        assert type(etcd._run.client.transport).__name__ == "RoutedTransport"
        assert etcd.raw.get("k")[0] == b"v"
    assert server.etcdctl("get", "k", "--print-value-only") == "v"


def test_its_data_survives_a_restart_and_not_a_stop(server):
    with ETCDService({"hosts": [server.endpoint], **ONCE}) as etcd:
        etcd.put("k").value("v")
        server.kill()
        assert not server.running
        with pytest.raises(errors.ConnectionFailedError):
            etcd.get("k").string()
        server.start()
        assert etcd.get("k").string() == "v"
        server.stop()
        server.start()
    with ETCDService({"hosts": [server.endpoint], **ONCE}) as etcd:
        assert etcd.get("k").string() is None


def test_flags_become_options_of_the_fake():
    flags = ["--quota-backend-bytes=1", "--experimental-watch-progress-notify-interval=100ms", "--bcrypt-cost=4"]
    assert options_of(flags) == {"quota": 1, "progress_interval": pytest.approx(0.1)}
