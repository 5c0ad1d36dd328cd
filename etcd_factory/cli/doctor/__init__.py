"""``doctor``: what is wrong between a client and its cluster, and what to do about it."""

from __future__ import annotations

from .checkup import Report, checkup
from .finding import Finding

__all__ = ["Finding", "Report", "checkup"]
