"""The same clients in asyncio: what does I/O is awaited, the rest is as it is in the blocking face.

Starts an etcd of its own (pip install 'etcd-factory[server]') and ends without leaving a process or a file behind.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from etcd_factory import AsyncETCDServiceFactory, ops
from etcd_factory.testing import EtcdServer

CONFIG = Path(__file__).parent.parent / "config"


async def program() -> None:
    """Write and read with several clients at once."""
    async with AsyncETCDServiceFactory.from_config(CONFIG, env="local") as factory:
        etcd = factory.get()
        await etcd.put("foo").value("bar")
        print("foo is", await etcd.get("foo").string())

        await asyncio.gather(*(etcd.put(f"n/{n}").value(n) for n in range(100)))
        print("sum of 100 values:", sum((await etcd.get_all().prefix("n/").numbers()).values()))
        async for kv in etcd.get_all().prefix("n/").limit(3):
            print("  ", kv.key_text, "=", kv.text)

        created = await etcd.if_("lock", "version", "==", 0).then(ops.put("lock").value("mine")).commit()
        print("created it first:", created.succeeded)

        instance3 = await factory.create_instance({"hosts": etcd.options.hosts, "namespace": "instance3/"}, "instance3")
        await instance3.put("who").value("instance3")
        print("clients:", ", ".join(factory), "| healthy:", (await factory.health()).healthy())
        await asyncio.gather(etcd.delete().all(), instance3.delete().all())


def main() -> None:
    """Start the server, run the program, stop the server."""
    print("starting etcd ...", flush=True)
    with EtcdServer() as server:
        os.environ["ETCD_ENDPOINT"] = server.endpoint
        asyncio.run(program())


if __name__ == "__main__":
    main()
