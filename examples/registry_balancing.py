"""Calls to the instances of a service: slow ones get few, failing ones none for a while, unhealthy ones none at all.

Starts its own etcd. The instances are functions here, where a real program sends a request to ``instance.address``.
Needs pip install 'etcd-factory[server]'.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from queue import Queue

from etcd_factory import ETCDService
from etcd_factory.registry import ServiceInstance, ServiceRegistry
from etcd_factory.testing import EtcdServer

PATIENCE = 60  # seconds; if the server dies nothing is reported any more
LATENCIES = {"a": 0.001, "b": 0.001, "slow": 0.02}  # seconds
CALLS = 100

healthy = {"a": True, "b": True, "slow": True}
seen: Counter[str] = Counter()


def request(instance: ServiceInstance) -> str:
    """Stand for a request over the network."""
    seen[instance.id] += 1
    time.sleep(LATENCIES[instance.id])
    return f"answer of {instance.id}"


def refused(instance: ServiceInstance) -> str:
    """Stand for a request that one instance refuses."""
    if instance.id == "b":
        raise ConnectionRefusedError(instance.address)
    return request(instance)


def check_of(name: str) -> Callable[[], bool]:
    """Return what tells whether an instance is healthy; it may as well be "http://127.0.0.1:8001/health"."""
    return lambda: healthy[name]


def main() -> None:
    """Register three instances, and call them."""
    logging.basicConfig(stream=sys.stdout, format="  log: %(message)s")
    with EtcdServer() as server, ETCDService({"hosts": server.endpoint}) as etcd:
        registry = ServiceRegistry(etcd)
        registrations = {
            name: registry.register("user", name, host="127.0.0.1", port=port, check=check_of(name), interval=0.1)
            for port, name in enumerate(LATENCIES, 8001)
        }
        with registry.subscribe("user", balancer="p2c", outlier={"failures": 3}) as users:
            answers = [users.call(request) for _ in range(CALLS)]
            print(len(answers), "answers, few of them by the slow one:", seen["slow"] < CALLS / 10)

        with registry.subscribe("user", outlier={"failures": 3}) as users:
            answers = [users.call(refused) for _ in range(CALLS)]
            print(len(answers), "answers, although one refuses; left out:", [one.id for one in users.ejected])

        changes: Queue[tuple[ServiceInstance, ...]] = Queue()
        with registry.watch("user", changes.put):
            changes.get(timeout=PATIENCE)  # all three
            healthy["slow"] = False
            print("one is unhealthy:", [one.id for one in changes.get(timeout=PATIENCE)])
            healthy["slow"] = True
            print("healthy again:", [one.id for one in changes.get(timeout=PATIENCE)])
            registrations["slow"].deregister(drain=0.1)  # gets no more calls at once, and ends what it does
            print("drained:", [one.id for one in changes.get(timeout=PATIENCE)])


if __name__ == "__main__":
    main()
