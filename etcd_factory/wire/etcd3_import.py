"""``import etcd3`` on any protobuf: its generated modules are replaced by ``descriptors``' message classes.

Only the modules that would fail, and the exceptions that are loaded already, are provided here; the rest of
python-etcd3 is its own code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

from etcd_factory.errors import etcd3

from .descriptors import FILES, classes, files

GENERATED = {f"etcd3.etcdrpc.{name}_pb2": name for name in FILES}


def generated(module: str, name: str) -> ModuleType:
    """Return what protoc would have generated for one file: its classes, its enums and their values."""
    from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

    file, made = files()[name], ModuleType(module, f"The messages of {name}.proto.")
    contents: dict[str, Any] = {"DESCRIPTOR": file, **classes(name)}
    for key, enum in file.enum_types_by_name.items():
        contents[key] = EnumTypeWrapper(enum)
        contents.update((value.name, value.number) for value in enum.values)
    made.__dict__.update(contents)
    return made


class Etcd3Importer:
    """Finds and loads the replaced modules of python-etcd3.

    It has a finder's and a loader's methods without their base classes, which cost 4 ms to import.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for the replaced modules, None for all others."""
        del path, target
        ours = fullname in GENERATED or fullname == etcd3.module.__name__
        return ModuleSpec(fullname, cast("Any", self), origin="etcd_factory") if ours else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module, complete."""
        return generated(spec.name, GENERATED[spec.name]) if spec.name in GENERATED else etcd3.module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module is complete."""


def install() -> None:
    """Replace the modules from now on; idempotent. Modules that are loaded already stay."""
    if not any(isinstance(finder, Etcd3Importer) for finder in sys.meta_path):
        sys.meta_path.insert(0, cast("Any", Etcd3Importer()))
