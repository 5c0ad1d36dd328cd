"""Registering services and following them; the fixture ``registry`` is imported by a conftest.py."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from etcd_factory.registry import AsyncServiceRegistry, ServiceRegistry
from etcd_factory.testing import replies

from .faces import BOUND, settle

REGISTRIES = {"blocking": ServiceRegistry, "asyncio": AsyncServiceRegistry}
KEY = "services/user/a"
LONG = 60  # seconds, longer than a test takes

# Values that the fields of an instance may not have.
WRONG = {
    "host": [5, {}, [1]],
    "port": ["80", -1, 65536, 1.5, True, 10**400],
    "metadata": [[1], "text", None, 5],
    "weight": ["x", -1, None, True, 10**400],
    "tags": ["web", [1], 5, {}],
    "status": ["UP", "", None, 5],
    "started": ["now", -1, 10**400],
    "ttl": ["10", -1, 1.5, True, 10**400],
}


@pytest.fixture
def registry(face):
    """The registry class of the face."""
    return REGISTRIES[face.name]


def ids(instances):
    """The ids of instances as one text."""
    return "".join(one.id for one in instances)


async def register(registry, client, *names, **options):
    """Register instances of the service "user", one for each id, and return the registrations."""
    return [await settle(registry(client).register("user", name, **options)) for name in names]


def record_events(record, *registrations):
    """Call ``record("lost", registration)`` and ``record("restored", registration)`` at these events."""
    for one in registrations:
        one.on("lost", partial(record, "lost")).on("restored", partial(record, "restored"))


async def put_instances(client, *names):
    """Write instances of the service "user" one after another as other programs do, without a lease."""
    for name in names:
        await settle(client.put(f"services/user/{name}").value('{"metadata": {}, "ttl": 60}'))


async def stored(client, key=KEY):
    """Return the ``KeyValue`` of a registration in etcd, None if it is missing."""
    return await settle(client.get(key).kv())


async def discovered(registry, client, service="user", **options):
    """Return the ids that ``discover`` finds."""
    return ids(await settle(registry(client).discover(service, **options)))


class Lists:
    """The lists of a view, as the ids in them: the present one, then those that its handler receives."""

    def __init__(self, view):
        self.seen, self._changed = [ids(view.instances)], threading.Condition()
        view.on("change", self)

    def __call__(self, instances):
        with self._changed:
            self.seen.append(ids(instances))
            self._changed.notify_all()

    async def until(self, expected):
        """Wait until the last list is this one."""

        def wait():
            with self._changed:
                return self._changed.wait_for(lambda: self.seen[-1] == expected, BOUND)

        assert await asyncio.to_thread(wait), f"{expected} was expected; the lists were: {self.seen}"


async def subscribe(registry, client, **options):
    """Return a view of the service "user", and its ``Lists``."""
    view = await settle(registry(client).subscribe("user", **options))
    return view, Lists(view)


def script(**steps):
    """The script of a server on which registering succeeds, at revision 5 with lease 7; ``steps`` replace its steps."""
    return {
        "LeaseGrant": replies.lease(7),
        "LeaseKeepAlive": replies.keep_alive(),
        "LeaseRevoke": replies.of("LeaseRevoke"),
        "Put": replies.put(revision=5),
        "Txn": replies.txn(replies.put(), revision=6),
        "Watch": replies.watch(revision=5),
        **steps,
    }
