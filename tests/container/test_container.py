"""etcd in a container, if a Docker engine answers; the image is built here, as a registry may be unreachable."""

import json
from urllib.request import Request, urlopen

import pytest
from docker.errors import NotFound

from etcd_factory.testing import ServerError
from etcd_factory.testing.container import EtcdContainer, engine_missing, scratch_image

REASON = engine_missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture(scope="module")
def image():
    return scratch_image()


@pytest.fixture(scope="module")
def container(image):
    with EtcdContainer(image) as container:
        yield container


def call(container, path, **message):
    """Call etcd's gRPC through its JSON gateway."""
    request = Request(f"{container.url}{path}", json.dumps(message).encode(), {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        return json.load(answer)


def test_it_serves_once_start_returns(container):
    with urlopen(f"{container.url}/version") as answer:
        assert "etcdserver" in json.load(answer)


def test_it_stores_keys(container):
    call(container, "/v3/kv/put", key="aw==", value="dg==")
    assert call(container, "/v3/kv/range", key="aw==")["kvs"][0]["value"] == "dg=="


def test_its_endpoint_is_reachable_from_outside(container):
    host, port = container.endpoint.rsplit(":", 1)
    assert host == container.get_container_host_ip()
    assert int(port) == container.get_exposed_port(2379)
    assert container.endpoints == (container.endpoint,)


def test_env_adds_settings_of_etcd(image):
    with EtcdContainer(image, env={"ETCD_NAME": "alone"}) as container:
        assert call(container, "/v3/cluster/member/list")["members"][0]["name"] == "alone"


def test_it_is_removed_when_the_context_ends(image):
    with EtcdContainer(image) as container:
        name = container.get_wrapped_container().name
        client = container.get_docker_client().client
        assert name in [each.name for each in client.containers.list()]
    assert name not in [each.name for each in client.containers.list(all=True)]


def test_a_container_that_cannot_start_raises_its_log(image):
    container = EtcdContainer(image, env={"ETCD_LISTEN_PEER_URLS": "nonsense"})
    with pytest.raises(ServerError, match=r"did not become ready(?s:.*)nonsense"):
        container.start()
    with pytest.raises(NotFound):
        container.get_wrapped_container().reload()
