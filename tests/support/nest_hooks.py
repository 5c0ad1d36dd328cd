"""Classes with life-cycle hooks that log their calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from etcd_factory.nest import module
from etcd_factory.nest.hooks import STARTING, STOPPING

HOOKS = (*STARTING, *STOPPING)


def hooked(name: str, log: list[str]) -> type[Any]:
    """Return a class with all hooks, which log their names."""

    def logging(hook: str) -> Callable[..., None]:
        return lambda self, *signal: log.append(f"{name} {hook}")

    return type(name, (), {hook: logging(hook) for hook in HOOKS})


def awaiting(name: str, log: list[str]) -> type[Any]:
    """Return the same with async hooks, which take a while."""

    def logging(hook: str) -> Callable[..., Any]:
        async def call(self: object, *signal: object) -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            log.append(f"{name} {hook}")

        return call

    return type(name, (), {hook: logging(hook) for hook in HOOKS})


def tree_of(log: list[str], kind: Callable[[str, list[str]], type[Any]] = hooked) -> type[Any]:
    """Return a root that imports a module that imports another; each has one provider, and hooks of its own."""
    low = module(providers=[kind("Low", log)])(kind("LowModule", log))
    middle = module(imports=[low], providers=[kind("Middle", log)])(kind("MiddleModule", log))
    return module(imports=[middle], providers=[kind("Top", log)])(kind("TopModule", log))
