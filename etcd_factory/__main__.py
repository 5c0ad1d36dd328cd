"""``python -m etcd_factory``: the command line, as ``etcd-factory``."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
