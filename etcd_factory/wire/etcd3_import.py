"""``import etcd3`` on any protobuf: its generated modules are replaced by the hosted messages.

Only the four modules that would fail, or that we hold already, are handed out here; all else of python-etcd3 is its own
code.
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
    """What protoc would have written for one file: its classes, its enums and their values."""
    from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

    file, made = files()[name], ModuleType(module, f"The messages of {name}.proto.")
    contents: dict[str, Any] = {"DESCRIPTOR": file, **classes(name)}
    for key, enum in file.enum_types_by_name.items():
        contents[key] = EnumTypeWrapper(enum)
        contents.update((value.name, value.number) for value in enum.values)
    made.__dict__.update(contents)
    return made


class StandIn:
    """Finds and loads python-etcd3's modules that can't load, or are loaded, without it.

    A finder and loader by its methods: the abstract classes cost 4 ms of importing.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for the modules that stand in, None for all others."""
        del path, target
        ours = fullname in GENERATED or fullname == etcd3.module.__name__
        return ModuleSpec(fullname, cast("Any", self), origin="etcd_factory") if ours else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself, ready."""
        return generated(spec.name, GENERATED[spec.name]) if spec.name in GENERATED else etcd3.module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to run."""


def install() -> None:
    """Stand in from now on; once is enough, and modules that are loaded already stay."""
    if not any(isinstance(finder, StandIn) for finder in sys.meta_path):
        sys.meta_path.insert(0, cast("Any", StandIn()))
