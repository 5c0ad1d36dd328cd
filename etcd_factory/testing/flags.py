"""What an etcd program is told at its start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .binary import release_of

if TYPE_CHECKING:
    from pathlib import Path

# What etcd 3.4 and later write to their log, at level info, once clients are served.
READY = "ready to serve client requests"


def member(name: str, data: str, client_url: str, peer_url: str) -> list[str]:
    """Flags of one member: its place on disk and in the network, as a cluster of its own."""
    flags = {
        "name": name,
        "data-dir": data,
        "listen-client-urls": client_url,
        "advertise-client-urls": client_url,
        "listen-peer-urls": peer_url,
        "initial-advertise-peer-urls": peer_url,
        "initial-cluster": f"{name}={peer_url}",
        "log-level": "info",
    }
    return [f"--{flag}={value}" for flag, value in flags.items()]


def quick(binary: Path) -> list[str]:
    """Flags that spare the disk: what a killed process wrote is in the system's memory anyway. New in etcd 3.5."""
    return ["--unsafe-no-fsync"] if release_of(binary) >= (3, 5) else []


def clean_env() -> dict[str, str]:
    """The environment without what etcd and etcdctl would take for settings of theirs."""
    kept = {"ETCD_UNSUPPORTED_ARCH"}
    return {name: value for name, value in os.environ.items() if name in kept or not name.startswith("ETCD")}
