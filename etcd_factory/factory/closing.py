"""What fails while a factory is closed, beside the error that ended its block."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from etcd_factory.errors import CloseError

log = logging.getLogger("etcd_factory.factory")


@contextmanager
def beside(error: BaseException | None) -> Generator[None, None, None]:
    """Close a factory inside the block; the error that ended its own block stays the one that is raised.

    A failure is then logged, and noted at that error where Python has notes (from 3.11 on).
    """
    try:
        yield
    except CloseError as failure:
        if error is None:
            raise
        log.warning("%s", failure)
        note = getattr(error, "add_note", None)
        if note is not None:
            note(str(failure))
