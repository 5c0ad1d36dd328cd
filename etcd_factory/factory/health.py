"""The health of several clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from etcd_factory.model import Health


class HealthReport(Mapping[str, Health]):
    """Each client's health by its name."""

    def __init__(self, clients: Mapping[str, Health]) -> None:
        self._clients = dict(clients)

    def healthy(self) -> bool:
        """Whether all clients are healthy, not counting those of low priority."""
        return all(health.ok for health in self._clients.values() if health.priority != "low")

    def __getitem__(self, name: str) -> Health:
        return self._clients[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._clients)

    def __len__(self) -> int:
        return len(self._clients)

    def __repr__(self) -> str:
        return f"HealthReport({self._clients!r})"
