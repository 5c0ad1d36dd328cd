"""What a reload did."""

from __future__ import annotations

from attrs import frozen


@frozen
class Reloaded:
    """The names of the clients that a reload added, replaced and removed; false if there are none."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)
