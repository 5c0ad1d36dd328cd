"""The command line: ``etcd-factory`` and ``python -m etcd_factory`` (extra ``cli``)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

MISSING = "the command line needs {name}: pip install 'etcd-factory[cli]'"
USAGE, INTERRUPTED = 2, 130  # as in ``exits``, which imports more than may be there


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with these arguments, by default the process's own, and return its exit code.

    Without the extra ``cli`` it says what to install, and returns 2.
    """
    try:
        from .app import run
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("rich", "typer"):
            raise
        print(MISSING.format(name=missing), file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    return run(sys.argv[1:] if arguments is None else arguments)
