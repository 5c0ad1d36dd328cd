"""Two services that find each other; one of them is killed, and the registry reports it without being asked.

Starts its own etcd, and each service as a process. A killed process deregisters nothing: its instance expires by its
ttl. Needs pip install 'etcd-factory[server]'.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from queue import Queue

from etcd_factory import ETCDService
from etcd_factory.registry import ServiceInstance, ServiceRegistry
from etcd_factory.testing import EtcdServer

TTL = 5  # seconds; short, so that the example ends soon
PATIENCE = 60  # seconds; if the server dies nothing is reported any more

Instances = tuple[ServiceInstance, ...]


def service(host: str, name: str, other: str, port: int) -> None:
    """Run in each process: register, wait for the other service, print it, and run until the parent ends."""
    with ETCDService({"hosts": host}) as etcd:
        registry = ServiceRegistry(etcd, ttl=TTL)
        registry.register(name, host="127.0.0.1", port=port)
        found: Queue[Instances] = Queue()
        with registry.watch(other, found.put):
            print(f"{name} has found {other} at {found.get(timeout=PATIENCE)[0].address}", flush=True)
            sys.stdin.read()  # until the parent closes it


@contextmanager
def start(*arguments: str) -> Generator[subprocess.Popen[str], None, None]:
    """Run this file as another process."""
    command = [sys.executable, __file__, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def show_line(process: subprocess.Popen[str]) -> None:
    """Print the next line of its output."""
    assert process.stdout
    print(process.stdout.readline().rstrip())


def main() -> None:
    """Start both, kill one, let the other end normally."""
    with EtcdServer() as server, ETCDService({"hosts": server.endpoint}) as etcd:
        users: Queue[Instances] = Queue()
        orders: Queue[Instances] = Queue()
        registry = ServiceRegistry(etcd)
        registry.watch("user", users.put, threshold=None)  # believe at once that none is left
        registry.watch("order", orders.put, threshold=None)
        with (
            start(server.endpoint, "user", "order", "8001") as user,
            start(server.endpoint, "order", "user", "8002") as order,
        ):
            show_line(user)
            show_line(order)
            print(
                "both are registered:",
                [one.address for one in (*users.get(timeout=PATIENCE), *orders.get(timeout=PATIENCE))],
            )
            order.kill()
            print("order is killed, its instances:", orders.get(timeout=PATIENCE))
            print("user is still registered:", registry.discover("user")[0].address)
        print("user has ended normally, its instances:", users.get(timeout=PATIENCE))


if __name__ == "__main__":
    if sys.argv[1:]:
        service(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
