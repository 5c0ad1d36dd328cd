"""Balancers by name."""

from __future__ import annotations

from etcd_factory.core.face import Sync
from etcd_factory.core.handlers import checked
from etcd_factory.errors import choice
from etcd_factory.options.mappings import BalancerName

from .base import Balancer
from .consistent_hash import ConsistentHash
from .least_connections import LeastConnections
from .p2c import P2C
from .simple import Choose, Custom, Random, RoundRobin
from .weighted import Weighted

LoadBalancer = BalancerName | Choose

BALANCERS: dict[BalancerName, type[Balancer]] = {
    "round_robin": RoundRobin,
    "random": Random,
    "weighted": Weighted,
    "least_connections": LeastConnections,
    "consistent_hash": ConsistentHash,
    "p2c": P2C,
}


def balancer(load_balancer: LoadBalancer, warmup: float = 0.0) -> Balancer:
    """Return a new balancer by its name, or from a function ``(instances, key) -> instance``.

    ``warmup``: seconds until a new instance has its full weight, by default 0. Raises ``ConfigError`` for another name.
    """
    if not isinstance(load_balancer, str) and callable(load_balancer):
        return Custom(checked(load_balancer, Sync, "load_balancer"))
    return BALANCERS[choice(load_balancer, BALANCERS, "load_balancer")](warmup)
