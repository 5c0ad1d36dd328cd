"""Factories of etcd clients from a file that a test rewrites; nothing here connects."""

from __future__ import annotations

import json

from etcd_factory import AsyncETCDServiceFactory, ETCDServiceFactory

from .faces import settle


class Recorded:
    """Records the names of clients that are made, and those that are closed; calls a hook before one is made."""

    def __init__(self, config=None):
        self.made, self.ended = [], []
        super().__init__(config)

    hook = staticmethod(lambda name: None)


class Blocking(Recorded, ETCDServiceFactory):
    def create_client(self, options, name):
        self.hook(name)
        self.made.append(name)
        return super().create_client(options, name)

    def destroy_client(self, client, name):
        self.ended.append((name, client.options.hosts[0]))
        super().destroy_client(client, name)


class Asyncio(Recorded, AsyncETCDServiceFactory):
    async def create_client(self, options, name):
        await settle(self.hook(name))
        self.made.append(name)
        return super().create_client(options, name)

    async def destroy_client(self, client, name):
        self.ended.append((name, client.options.hosts[0]))
        await super().destroy_client(client, name)


RECORDED = {"blocking": Blocking, "asyncio": Asyncio}


def clients(**hosts):
    """A configuration with clients of these hosts."""
    return {"clients": {name: {"hosts": f"{host}:1"} for name, host in hosts.items()}}


def write(path, config):
    """Replace a file as editors do: by another one of its name."""
    part = path.with_name(f".{path.name}")
    part.write_text(config if isinstance(config, str) else json.dumps({"etcd": config}))
    part.replace(path)


def hosts(factory):
    """The host of each client."""
    return {name: client.options.hosts[0].removeprefix("http://") for name, client in factory.clients.items()}
