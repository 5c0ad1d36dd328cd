"""In which order things are made: what something needs comes before it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

H = TypeVar("H", bound=Hashable)


def bottom_up(
    roots: Iterable[H], below: Callable[[H], Iterable[H]], on_cycle: Callable[[list[H]], None] = lambda _: None
) -> list[H]:
    """All that is reached from ``roots``, each behind what is below it, else in the order in which it is met.

    A worklist, for chains may be longer than Python recurses. ``on_cycle`` gets things that are below one another, the
    first again at the end.
    """
    done: dict[H, None] = {}
    for root in roots:
        path: dict[H, Iterator[H]] = {} if root in done else {root: iter(below(root))}
        while path:
            last = next(reversed(path))
            lower = next((one for one in path[last] if one not in done), None)
            if lower is None:
                done[last] = None
                del path[last]
            elif lower in path:
                on_cycle([*list(path)[list(path).index(lower) :], lower])
            else:
                path[lower] = iter(below(lower))
    return list(done)
