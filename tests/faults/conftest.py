"""Clients of each face, and servers and connections that fail."""

from __future__ import annotations

import pytest

from tests.support.auth import auth_server, jwt_server  # noqa: F401
from tests.support.faces import FACES, closed
from tests.support.faulty import (  # noqa: F401
    backup,
    cluster_client,
    cluster_hosts,
    direct,
    lost,
    module_server,
    proxied,
    proxy,
    server,
    used,
)
from tests.support.registering import registry  # noqa: F401
from tests.support.transports import real
from tests.support.watching import recorder  # noqa: F401


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
async def make(face, etcd_namespace):
    """Creates services of the face in this test's namespace, and closes them."""
    services = []

    def create(hosts, *, transport=None, **options):
        named = {"transport": transport} if isinstance(transport, str) else {}
        every = {"hosts": hosts, "namespace": etcd_namespace, **options, **named}
        services.append(face.create(every, None if named else transport))
        return services[-1]

    yield create
    for service in services:
        await closed(service)


@pytest.fixture
def make_wrapped(face, make):
    """Creates services on a wrapped transport; returns both: ``make_wrapped(Recorded, hosts)``."""

    def create(wrap, hosts, **options):
        transport = wrap(real(face, {"hosts": hosts, **options}))
        return make(hosts, transport=transport, **options), transport

    return create
