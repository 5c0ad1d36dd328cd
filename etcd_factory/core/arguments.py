"""What users pass to calls, checked where it is passed: a wrong argument is ``TypeError`` or ``ValueError`` at once."""

from __future__ import annotations

Text = str | bytes  # a key, or a value as it is stored
Value = str | bytes | int | float

MOST = (1 << 63) - 1  # etcd's numbers have 64 bits with a sign
LEASE_IDS = range(1, MOST + 1)  # etcd takes 0 for none
FOREVER = 1e8  # seconds, three years: deadlines further away overflow the clocks of gRPC and of locks
LONGEST_TTL = 9_000_000_000  # seconds; etcd refuses longer ones (lessor.go)


def to_bytes(value: object, what: str = "a key") -> bytes:
    """Return a key as bytes, a ``str`` encoded as UTF-8."""
    if isinstance(value, str):
        return utf_8(value, what)
    if isinstance(value, bytes):
        return value
    raise TypeError(f"{what} must be str or bytes, not {type(value).__name__}")


def utf_8(value: str, what: str) -> bytes:
    """Return a text as UTF-8. It is not shown: it may be a value."""
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        at = f"character {error.start} is half of a surrogate pair"
        raise ValueError(f"{what} cannot be encoded as UTF-8: {at}; pass bytes") from None


def to_value(value: object) -> bytes:
    """Return a value as bytes, a number as decimal text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        plain = int(value) if isinstance(value, int) else float(value)  # the repr of an IntEnum is no number
        return repr(plain).encode()
    if isinstance(value, (str, bytes)):
        return to_bytes(value, "a value")
    raise TypeError(f"a value must be str, bytes, int or float, not {type(value).__name__}; .json() stores other types")


def to_json(value: object) -> bytes:
    """Return a value encoded as JSON."""
    import json

    return json.dumps(value).encode()


def integer(value: object, what: str) -> int:
    """Return a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be an int, not {type(value).__name__}")
    return value


def count(value: object, what: str, most: int = MOST) -> int:
    """Return a whole number that is not negative: a revision, a limit, an id."""
    found = integer(value, what)
    if found < 0:
        raise ValueError(f"{what} must not be negative: {found}")
    if found > most:
        raise ValueError(f"{what} must be at most {most}, not {found}")
    return found


def seconds(value: object, what: str = "a timeout") -> float:
    """Return a number of seconds that a call may wait, 0 or more; a longer one than ``FOREVER`` as that."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} must be a number of seconds, not {type(value).__name__}")
    if not value >= 0:  # neither is a NaN
        raise ValueError(f"{what} must be 0 or more seconds, not {value}")
    return min(value, FOREVER)


def ttl_seconds(value: object) -> int:
    """Return a lease's ttl, at least 1 second."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a ttl must be an int, in seconds, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"a ttl must be at least 1 second, not {value}")
    if value > LONGEST_TTL:
        raise ValueError(f"a ttl must be at most {LONGEST_TTL} seconds, not {value}")
    return value


def lease_id(value: object) -> int:
    """Return a lease's id, which fits into 63 bits."""
    found = count(value, "a lease id")
    if found not in LEASE_IDS:
        raise ValueError(f"a lease id must be from {LEASE_IDS[0]} to {LEASE_IDS[-1]}, not {found}")
    return found


def name(value: object, what: str) -> str:
    """Return a text that is not empty. It is never shown: it may be a password."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{what} must not be empty")
    return value


def key_part(value: object, what: str) -> str:
    """Return a name that is one part of a key, between two slashes."""
    found = name(value, what)
    if "/" in found:
        raise ValueError(f"{what} must not contain '/': {found!r}")
    return found
