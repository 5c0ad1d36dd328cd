"""python-etcd3's exception classes, so that code written for it catches our errors.

Its package cannot be imported beside protobuf 4 or later, and imports grpc and tenacity; its ``exceptions.py`` depends
on nothing. So only that file is executed, once, and ``wire.etcd3_import`` hands the same module to a later ``import
etcd3``.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING

from .base import DistributionError

ADVICE = "run: pip uninstall -y etcd3-py etcd3-fc; pip install --force-reinstall etcd3"
MISSING = (
    "the package 'etcd3' is not installed; run: pip install --no-binary etcd3 etcd3 (it has no wheel, so that "
    "--only-binary refuses it)"
)


def part(*names: str) -> ModuleSpec:
    """Return the spec of a module of python-etcd3, found without importing its packages: ``part("exceptions")``.

    Its loader reads it wherever it is: a folder, a zip file, ``.pyc`` files alone.
    """
    package = importlib.util.find_spec("etcd3")
    if package is None or not package.origin:
        raise DistributionError(MISSING)
    found: ModuleSpec | None = package
    for name in names:
        places = found and found.submodule_search_locations
        found = PathFinder.find_spec(f"{found.name}.{name}", places) if found and places else None
    if found is None or found.loader is None:
        raise wrong(package.origin)
    return found


def wrong(origin: str) -> DistributionError:
    """Return the error for another distribution under the import name ``etcd3``; several exist."""
    from importlib.metadata import packages_distributions  # slow to import, and rarely needed

    owners = packages_distributions().get("etcd3", [])
    names = ", ".join(sorted({*owners} - {"etcd3"})) or "an unknown distribution"
    return DistributionError(
        f"the package 'etcd3' in {os.path.dirname(origin)} comes from {names}, not from python-etcd3 (PyPI: etcd3), "
        f"whose message descriptors are required; {ADVICE}"
    )


def load() -> ModuleType:
    """Return the module ``etcd3.exceptions``, executed alone."""
    if "etcd3.exceptions" in sys.modules:
        return sys.modules["etcd3.exceptions"]
    part("etcdrpc", "rpc_pb2")  # else it is another distribution, whose exceptions are others
    spec = part("exceptions")
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module


module = load()

if TYPE_CHECKING:

    class Etcd3Exception(Exception): ...

    class Etcd3ConnectionFailed(Etcd3Exception): ...

    class Etcd3ConnectionTimeout(Etcd3Exception): ...

    class Etcd3PreconditionFailed(Etcd3Exception): ...

    class Etcd3InternalError(Etcd3Exception): ...

    class Etcd3Compacted(Etcd3Exception): ...

else:
    Etcd3Exception = module.Etcd3Exception
    Etcd3ConnectionFailed = module.ConnectionFailedError
    Etcd3ConnectionTimeout = module.ConnectionTimeoutError
    Etcd3PreconditionFailed = module.PreconditionFailedError
    Etcd3InternalError = module.InternalServerError
    Etcd3Compacted = module.RevisionCompactedError
