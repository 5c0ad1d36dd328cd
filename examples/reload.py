"""A program whose etcd clients follow their file while it runs, as in a pod with a mounted ConfigMap.

A file that is half written or invalid is refused: the last good clients stay, and the reason is logged.
Starts its own etcd (pip install 'etcd-factory[server]').
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

from etcd_factory import ETCDServiceFactory, Reloaded
from etcd_factory.testing import EtcdServer


def write(file: Path, hosts: str, **timeouts: float) -> None:
    """Replace the file, as editors do: each client with its timeout."""
    clients = {name: {"hosts": hosts, "timeout": timeout} for name, timeout in timeouts.items()}
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"etcd": {"clients": clients}}))
    new.replace(file)


def shown(factory: ETCDServiceFactory) -> str:
    """Return the clients with their timeouts."""
    return ", ".join(f"{name}: {etcd.options.timeout:g} s" for name, etcd in sorted(factory.clients.items()))


def main(hosts: str, file: Path) -> None:
    """Change the file twice, and once make it invalid."""
    changes: Queue[Reloaded] = Queue()
    write(file, hosts, orders=5, users=5)
    with ETCDServiceFactory.from_config(file) as factory:
        factory.watch_config(interval=0.05, on_reload=changes.put)
        print("at the start ", shown(factory))
        held = factory.get("orders")
        write(file, hosts, orders=2, stock=3)
        print(changes.get(timeout=30))
        print("then         ", shown(factory))
        held.put("order").value("1")  # a client that is held goes on as it was; the factory has the new one
        print("held         ", f"{held.options.timeout:g} s,", "and reads", factory.get("orders").get("order").string())
        write(file, hosts, orders=-1)
        try:
            factory.reload()  # at once, instead of by the watch
        except ValueError as error:
            print("refused      ", str(error).partition(": ")[2])
        print("and still    ", shown(factory))


if __name__ == "__main__":
    logging.basicConfig(level="CRITICAL", stream=sys.stdout)
    with EtcdServer() as server, TemporaryDirectory() as folder:
        main(server.endpoint, Path(folder, "clients.json"))
