"""``python -m tests.peer``: runs both sides and prints their results; exit code 1 if one is unexpected."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from etcd_factory.testing import find_binary
from etcd_factory.testing.binary import version_of

from . import sides
from .sdist import fetch, unpack
from .suite import Results, run
from .verdict import lost, report, surprises


def main() -> int:
    with TemporaryDirectory(prefix="etcd-factory-peer-") as folder:
        results = measure(Path(folder))
    found = [f"UNEXPECTED: {one}" for one in surprises(*results)]
    print(*report(*results), *(found or ["as expected"]), sep="\n")
    return 1 if found else 0


def measure(home: Path) -> tuple[Results, Results, Results]:
    """Return the results plain, through ``etcd.raw``, and of what failed there with the older tenacity."""
    tests = home / "tests"
    print(f"etcd {version_of(find_binary())}")
    unpack(fetch(), tests)

    def results(name: str, side: sides.Side, only: Iterable[str] = ()) -> Results:
        print(f"{name}: {side.versions()}", flush=True)
        return run(side, tests, home / name, only)

    plain, ours = results("plain", sides.plain(home / "era")), results("raw", sides.raw())
    gone = lost(plain, ours)
    return plain, ours, results("older", sides.older(home / "tenacity"), gone) if gone else {}


if __name__ == "__main__":
    sys.exit(main())
