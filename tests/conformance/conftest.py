"""A client of each face on a real etcd; every test has a namespace of its own."""

from __future__ import annotations

import socket

import pytest

from etcd_factory.testing import EtcdServer
from tests.support.auth import auth_server, credential, jwt_server, tls_auth_server  # noqa: F401
from tests.support.boxes import opened  # noqa: F401
from tests.support.certificates import authority, issue, serve, stranger  # noqa: F401
from tests.support.command_line import cli, run  # noqa: F401
from tests.support.config_centers import center, make_center  # noqa: F401
from tests.support.consoles import console_config, console_options, running, stored  # noqa: F401
from tests.support.faces import FACES, closed
from tests.support.health import backend  # noqa: F401
from tests.support.locking import queue_name  # noqa: F401
from tests.support.observing import observer  # noqa: F401
from tests.support.registering import registry  # noqa: F401
from tests.support.relay import HOST, Relay
from tests.support.transactions import fitted, transact  # noqa: F401
from tests.support.transports import Recorded, real
from tests.support.watching import recorder  # noqa: F401


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
def options(etcd_server, etcd_namespace):
    """Options of a client in this test's namespace."""
    return {"hosts": [etcd_server.endpoint], "namespace": etcd_namespace}


@pytest.fixture
async def make(face, options):
    """Creates services of the face, and closes them."""
    services = []

    def create(*, transport=None, **changes):
        named = {"transport": transport} if isinstance(transport, str) else {}
        services.append(face.create({**options, **changes, **named}, None if named else transport))
        return services[-1]

    yield create
    for service in services:
        await closed(service)


@pytest.fixture
def client(make):
    """A service in this test's namespace."""
    return make()


@pytest.fixture
def other(make):
    """Another service in this test's namespace."""
    return make()


@pytest.fixture
def wrap(face, options):
    """Puts a wrapper of ``tests.support.transports`` around a real transport: ``make(transport=wrap(Held, "Put"))``."""
    return lambda wrapper, *args, **kwargs: wrapper(real(face, options), *args, **kwargs)


@pytest.fixture
def recorded(wrap):
    """A transport that records calls and streams: ``make(transport=recorded)``."""
    return wrap(Recorded)


@pytest.fixture(scope="session")
def etcdctl(etcd_server):
    """etcd's own command line client, on the server of the tests."""
    if not isinstance(etcd_server, EtcdServer):
        pytest.skip("etcdctl needs a local server")
    return etcd_server.etcdctl


@pytest.fixture(scope="module")
def lease(etcdctl):
    """The id of a lease that outlives the tests of a module, and to which no test leaves keys."""
    name = etcdctl("lease", "grant", "600").split()[1]
    yield int(name, 16)
    etcdctl("lease", "revoke", name)


@pytest.fixture(scope="session")
def spare():
    """A server of this worker that others do not use."""
    with EtcdServer() as server:
        yield server


@pytest.fixture
def fragile(spare):
    """A server that a test may pause, kill, restart and compact; started again for the next one."""
    yield spare.start()
    if spare.running:
        spare.resume()


@pytest.fixture
def refusing():
    """A host that refuses connections."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield f"{HOST}:{held.getsockname()[1]}"


@pytest.fixture
def silent():
    """A host that accepts connections and never replies."""
    with socket.create_server((HOST, 0)) as listener:
        yield f"{HOST}:{listener.getsockname()[1]}"


@pytest.fixture
def relay(etcd_server):
    """A proxy in front of the server that withholds replies or breaks connections."""
    with Relay(etcd_server.endpoint) as one:
        yield one
