"""Who may use a key now: readers together, a writer alone, all in the order in which they came. Pure state."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

WRITER = -1  # in place of the number of readers


class KeyOrder(Generic[T]):
    """Lets the operations on each key go on in order; those of different keys do not wait for each other."""

    def __init__(self) -> None:
        self._using: dict[bytes, int] = {}  # how many readers use a key, or ``WRITER``
        self._held: dict[bytes, list[tuple[T, bool]]] = {}  # those who wait, and whether they write; mostly none

    def __len__(self) -> int:
        return len(self._using)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, list(self._held.values())))

    def enter(self, key: bytes, user: T, writes: bool) -> bool:
        """Return whether the user may go on at once; if not, a later ``leave`` or ``withdraw`` returns it."""
        if key not in self._using:  # so nobody waits for it
            self._using[key] = WRITER if writes else 1
            return True
        if key in self._held or not self._admits(key, writes):
            self._held.setdefault(key, []).append((user, writes))
            return False
        self._add(key, writes)
        return True

    def _admits(self, key: bytes, writes: bool) -> bool:
        using = self._using.get(key, 0)
        return not using if writes else using != WRITER

    def _add(self, key: bytes, writes: bool) -> None:
        self._using[key] = WRITER if writes else self._using.get(key, 0) + 1

    def leave(self, key: bytes) -> list[T]:
        """End one use of the key; returns those who may go on now."""
        using = self._using[key]
        if using > 1:
            self._using[key] = using - 1
        else:
            del self._using[key]
        return self._admitted(key) if key in self._held else []

    def withdraw(self, key: bytes, user: T, writes: bool) -> list[T]:
        """Forget one who still waits for the key; returns those who may go on now."""
        self._held[key].remove((user, writes))
        return self._admitted(key)

    def _admitted(self, key: bytes) -> list[T]:
        ready: list[T] = []
        held = self._held[key]
        while held and self._admits(key, held[0][1]):
            user, writes = held.pop(0)
            self._add(key, writes)
            ready.append(user)
        if not held:
            del self._held[key]
        return ready
