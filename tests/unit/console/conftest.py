"""A console on an etcd in memory."""

from __future__ import annotations

import httpx
import pytest

from etcd_factory.config import explain_config
from etcd_factory.console.app import application
from etcd_factory.console.guard import Guard
from etcd_factory.console.scene import Scene
from etcd_factory.console.values import encoded
from etcd_factory.testing import FakeEtcd

TOKEN = "the-token"
ORIGIN = "http://127.0.0.1:8000"
CONFIG = {"clients": {"one": {}, "two": {"namespace": "two/"}}, "default_client_name": "one"}


@pytest.fixture
def fake():
    with FakeEtcd() as one:
        yield one


@pytest.fixture
def etcd(fake):
    """A client on the console's etcd."""
    with fake.client() as one:
        yield one


@pytest.fixture
async def scene(fake):
    async with fake.afactory(CONFIG) as factory:
        yield Scene(factory, lambda: explain_config({"etcd": CONFIG}), True)


@pytest.fixture
async def guarded(scene):
    """Makes HTTP clients of a console, which send nothing by themselves."""
    clients = []

    def make(*, is_writable=True, names=("127.0.0.1", "localhost")):
        transport = httpx.ASGITransport(Guard(application(scene), TOKEN, names, is_writable))
        clients.append(httpx.AsyncClient(transport=transport, base_url=ORIGIN))
        return clients[-1]

    yield make
    for one in clients:
        await one.aclose()


@pytest.fixture
async def page(guarded):
    """An HTTP client that sends what the page sends; its parameters may be bytes."""
    client = guarded()
    client.headers.update({"Authorization": f"Bearer {TOKEN}", "Origin": ORIGIN})

    async def ask(path, *, method="GET", json=None, headers=None, **parameters):
        query = {name: encoded(one) if isinstance(one, bytes) else one for name, one in parameters.items()}
        answer = await client.request(method, f"/api/{path}", params=query, json=json, headers=headers)
        return answer.status_code, answer.json()

    return ask
