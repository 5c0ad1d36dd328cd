"""gRPC's own options: which values it takes, and a mapping of them that is a value itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from etcd_factory.errors import ConfigError, Fault

from .kinds import kind

INTS = range(-(2**31), 2**31)  # C ints

Setting = int | str | bytes


class Settings(Mapping[str, Setting]):
    """A mapping that cannot be changed; unlike ``MappingProxyType`` it can be hashed, copied and pickled."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Setting]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Setting:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(self._values)


def settings(given: Mapping[str, object]) -> Settings:
    """Return a read-only copy; ``ConfigError`` names each value that gRPC would refuse at the first call."""
    good: dict[str, Setting] = {name: value for name, value in given.items() if isinstance(value, (int, str, bytes))}
    others = [(name, kind(value)) for name, value in given.items() if name not in good]
    faults = [Fault("", name, f"expected an int or text, got {found}") for name, found in others]
    faults += [
        Fault("", name, f"expected an int from {INTS[0]} to {INTS[-1]}, got {value}")
        for name, value in good.items()
        if isinstance(value, int) and value not in INTS
    ]
    if faults:
        raise ConfigError(*faults)
    return Settings(good)
