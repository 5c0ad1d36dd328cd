"""Types for etcd's messages, written from their descriptors: ``python -m tests.support.message_stubs`` writes the file.

protobuf creates the classes at run time; type checkers read ``etcd_factory/wire/messages.pyi`` instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FieldDescriptor

import etcd_factory.wire
from etcd_factory.wire.descriptors import FILES, classes

PATH = Path(etcd_factory.wire.__file__).with_name("messages.pyi")
F = FieldDescriptor

HEAD = '''\
"""etcd's messages as type checkers see them; generated from the descriptors, see tests/support/message_stubs.py."""

from collections.abc import Iterable, Mapping, MutableSequence
from typing import Any

from typing_extensions import Self

class Message:
    def ByteSize(self) -> int: ...
    def HasField(self, name: str) -> bool: ...
    def SerializeToString(self) -> bytes: ...
    def WhichOneof(self, name: str) -> str | None: ...
    @classmethod
    def FromString(cls, data: bytes) -> Self: ...
'''
SCALARS = {
    F.CPPTYPE_BOOL: "bool",
    F.CPPTYPE_INT32: "int",
    F.CPPTYPE_INT64: "int",
    F.CPPTYPE_UINT32: "int",
    F.CPPTYPE_UINT64: "int",
    F.CPPTYPE_ENUM: "int",
}


def generated() -> str:
    """Return the text of the stub."""
    found = {name: cls.DESCRIPTOR for file in FILES for name, cls in classes(file).items()}
    parts = [HEAD, *("\n".join(message(one)) for _, one in sorted(found.items()))]
    return "\n".join(parts).rstrip("\n") + "\n"


def message(descriptor: Descriptor) -> Iterator[str]:
    """Yield the lines of the class of one message."""
    yield f"class {descriptor.name}(Message):"
    fields = list(descriptor.fields)
    if not fields:
        yield "    def __init__(self) -> None: ...\n"
        return
    yield "    def __init__("
    yield "        self,"
    yield "        *,"
    yield from (f"        {field.name}: {given(field)} = ...," for field in fields)
    yield "    ) -> None: ..."
    for field in fields:
        yield from attribute(field)
    yield ""


def attribute(field: F) -> Iterator[str]:
    """Yield the lines of a field as it is read: messages and repeated fields cannot be assigned."""
    if many(field) or field.cpp_type == F.CPPTYPE_MESSAGE:
        yield "    @property"
        yield f"    def {field.name}(self) -> {f'MutableSequence[{one(field)}]' if many(field) else one(field)}: ..."
    else:
        yield f"    {field.name}: {one(field)}"


def given(field: F) -> str:
    """Return the type of what a field may be created from."""
    kind = one(field)
    if field.cpp_type == F.CPPTYPE_ENUM:  # by its name or number; it is read as a number
        kind = "str | int"
    if field.cpp_type == F.CPPTYPE_MESSAGE:
        kind = f"{kind} | Mapping[str, Any]"
    return f"Iterable[{kind}]" if many(field) else f"{kind} | None"


def one(field: F) -> str:
    """Return the type of one value of a field."""
    if field.cpp_type == F.CPPTYPE_MESSAGE:
        return str(field.message_type.name)
    if field.cpp_type == F.CPPTYPE_STRING:
        return "bytes" if field.type == F.TYPE_BYTES else "str"
    return SCALARS[field.cpp_type]


def many(field: F) -> bool:
    """Return whether a field is repeated; ``label`` is gone from protobuf 7 on."""
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == F.LABEL_REPEATED if repeated is None else repeated)


if __name__ == "__main__":
    PATH.write_text(generated())
