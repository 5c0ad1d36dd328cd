"""Command line flags and environment variables for an etcd process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .binary import release_of

if TYPE_CHECKING:
    from pathlib import Path

# What etcd 3.4 and later write to their log, at level info, once they serve clients.
READY = "ready to serve client requests"


def member_flags(name: str, data_dir: str, client_url: str, peer_url: str) -> list[str]:
    """Return the flags of one member that is a cluster by itself."""
    flags = {
        "name": name,
        "data-dir": data_dir,
        "listen-client-urls": client_url,
        "advertise-client-urls": client_url,
        "listen-peer-urls": peer_url,
        "initial-advertise-peer-urls": peer_url,
        "initial-cluster": f"{name}={peer_url}",
        "log-level": "info",
    }
    return [f"--{flag}={value}" for flag, value in flags.items()]


def no_fsync_flags(binary: Path) -> list[str]:
    """Return flags that skip fsync: what a killed process wrote is in the system's cache anyway. New in etcd 3.5."""
    return ["--unsafe-no-fsync"] if release_of(binary) >= (3, 5) else []


def clean_env() -> dict[str, str]:
    """Return the environment without the variables that etcd and etcdctl would read as their settings."""
    kept = {"ETCD_UNSUPPORTED_ARCH"}
    return {name: value for name, value in os.environ.items() if name in kept or not name.startswith("ETCD")}
