"""Load balancers: which instance to use next. Each view has its own, and so its own state."""

from .base import Balancer, Instances, Key
from .names import BALANCERS, LoadBalancer, balancer

__all__ = ["BALANCERS", "Balancer", "Instances", "Key", "LoadBalancer", "balancer"]
