"""Numbers and durations, and the text that an interpolation resolved to."""

from __future__ import annotations

import re
import sys

from etcd_factory.errors import ConfigError

from .kinds import kind

# The units of Go's durations, which etcd's own flags are written in: how many there are in a second, or the reverse.
PARTS = {"ms": 1_000, "us": 1_000_000, "\u00b5s": 1_000_000, "ns": 1_000_000_000}
MULTIPLES = {"s": 1, "m": 60, "h": 3600}
UNIT = "|".join((*PARTS, *MULTIPLES))
DURATION = re.compile(rf"(?:\d+(?:\.\d+)?(?:{UNIT}))+")
PIECE = re.compile(rf"(\d+(?:\.\d+)?)({UNIT})")
FORM = "a number of seconds, or a duration like '5s' or '500ms'"
WHOLE = re.compile(r"[-+]?\d+")

Number = int | float


class Resolved(str):
    """Text that an interpolation resolved to, as of an environment variable: numbers and booleans are read from it."""

    __slots__ = ()


def number(value: object) -> object:
    """Return the number that was resolved, anything else unchanged."""
    if not isinstance(value, Resolved):
        return value
    text = value.strip()
    try:
        return int(text) if WHOLE.fullmatch(text) else float(text)
    except ValueError:  # also for more digits than Python reads
        return str(value)


def duration(text: str) -> float | None:
    """Return the seconds of ``5s``, ``500ms`` or ``1m30s``; None if it is no duration."""
    if not DURATION.fullmatch(text):
        return None
    return sum(float(size) / PARTS.get(unit, 1) * MULTIPLES.get(unit, 1) for size, unit in PIECE.findall(text))


def seconds(value: float | str) -> Number:
    """Check a duration above 0."""
    found = number(value)
    if isinstance(found, str):
        found = duration(found.strip())
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ConfigError(f"expected {FORM}, got {shown(value)}")
    if not 0 < found <= sys.float_info.max:
        raise ConfigError(f"expected a number of seconds above 0, got {value}")
    return found


def interval(value: float | str | None) -> Number | None:
    """Check a duration above 0, or None."""
    return None if value is None else seconds(value)


def count(value: int) -> int:
    """Check a whole number above 0."""
    found = number(value)
    if isinstance(found, bool) or not isinstance(found, int):
        raise ConfigError(f"expected a whole number, got {shown(value)}")
    if found < 1:
        raise ConfigError(f"expected a whole number above 0, got {found}")
    return found


def whole_seconds(value: int | str) -> int:
    """Check a whole number of seconds above 0."""
    found = duration(value.strip()) if isinstance(value, str) else None
    if found is None:
        return count(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # it says what is wrong
    if found < 1 or found != int(found):
        raise ConfigError(f"expected a whole number of seconds above 0, got {value}")
    return int(found)


def flag(value: object) -> object:
    """Return the boolean that was resolved, in YAML's words, anything else unchanged."""
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    return words.get(value.strip().lower(), value) if isinstance(value, Resolved) else value


def shown(value: object) -> str:
    """Return a value, or its kind, as an error shows it."""
    return repr(str(value)) if isinstance(value, str) else kind(value)
