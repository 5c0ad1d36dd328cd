"""What one check found."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from etcd_factory.errors import DeadlineExceededError, EtcdError

Level = Literal["ok", "warning", "failed"]


@frozen
class Finding:
    """The result of one check, of a host or of the whole client; ``advice`` says what to do about it."""

    check: str
    level: Level
    message: str
    advice: str = ""
    host: str = ""


def ok(check: str, message: str, host: str = "") -> Finding:
    """Return that a check found nothing wrong."""
    return Finding(check, "ok", message, "", host)


def warning(check: str, message: str, advice: str, host: str = "") -> Finding:
    """Return what works, and is probably not as it should be."""
    return Finding(check, "warning", message, advice, host)


def failed(check: str, message: str, advice: str, host: str = "") -> Finding:
    """Return what does not work."""
    return Finding(check, "failed", message, advice, host)


def remedy(error: EtcdError, usual: str) -> str:
    """Return what to do about an error: its own advice, else, and after a deadline, the usual one."""
    return usual if isinstance(error, DeadlineExceededError) else error.hint or usual
