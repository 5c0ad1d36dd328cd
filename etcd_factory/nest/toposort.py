"""Topological order: dependencies before their dependents."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

H = TypeVar("H", bound=Hashable)


def topological_order(
    roots: Iterable[H], dependencies: Callable[[H], Iterable[H]], on_cycle: Callable[[list[H]], None] = lambda _: None
) -> list[H]:
    """Return everything reachable from ``roots``, each item after its dependencies, otherwise in order of discovery.

    ``on_cycle`` receives the items of a cycle, the first one again at the end; if it returns, the cycle is ignored.
    Iterative, since a chain may be longer than Python's recursion limit.
    """
    done: dict[H, None] = {}
    for root in roots:
        path: dict[H, Iterator[H]] = {} if root in done else {root: iter(dependencies(root))}
        while path:
            last = next(reversed(path))
            following = next((one for one in path[last] if one not in done), None)
            if following is None:
                done[last] = None
                del path[last]
            elif following in path:
                on_cycle([*list(path)[list(path).index(following) :], following])
            else:
                path[following] = iter(dependencies(following))
    return list(done)
