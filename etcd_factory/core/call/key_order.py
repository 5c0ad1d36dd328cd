"""Who may use a key now: readers together, a writer alone, all in the order in which they came. Pure state."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from attrs import define, field

T = TypeVar("T")


@define(eq=False)
class KeyUse(Generic[T]):
    """The users of one key, and those who wait behind them: pairs of a user and whether it writes."""

    readers: int = 0
    written: bool = False
    held: deque[tuple[T, bool]] = field(factory=deque[tuple[T, bool]])

    def admits(self, writes: bool) -> bool:
        """Whether one more may use the key beside its present users."""
        return not self.written and not (writes and self.readers)

    def add(self, writes: bool) -> None:
        """Count one more user."""
        self.written = writes
        self.readers += not writes


class KeyOrder(Generic[T]):
    """Lets the operations on each key go on in order; those of different keys do not wait for each other."""

    def __init__(self) -> None:
        self._keys: dict[bytes, KeyUse[T]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def enter(self, key: bytes, user: T, writes: bool) -> bool:
        """Return whether the user may go on at once; if not, a later ``leave`` or ``withdraw`` returns it."""
        use = self._keys.get(key)
        if use is None:
            use = self._keys[key] = KeyUse[T]()
        if use.held or not use.admits(writes):
            use.held.append((user, writes))
            return False
        use.add(writes)
        return True

    def leave(self, key: bytes, writes: bool) -> list[T]:
        """End one use of the key; returns those who may go on now."""
        use = self._keys[key]
        use.written = False
        use.readers -= not writes
        return self._admitted(key, use)

    def withdraw(self, key: bytes, user: T, writes: bool) -> list[T]:
        """Forget one who still waits for the key; returns those who may go on now."""
        use = self._keys[key]
        use.held.remove((user, writes))
        return self._admitted(key, use)

    def _admitted(self, key: bytes, use: KeyUse[T]) -> list[T]:
        ready: list[T] = []
        while use.held and use.admits(use.held[0][1]):
            user, writes = use.held.popleft()
            use.add(writes)
            ready.append(user)
        if not (use.written or use.readers):
            del self._keys[key]
        return ready
