"""etcd's message classes on whatever protobuf is installed.

python-etcd3's generated modules refuse to load on protobuf 4 and later, but the serialized descriptors in them work on
any. They are read without executing the modules, updated (``additions``) and put into a private pool: the default pool
would clash with every other package that has an ``rpc.proto`` (protocolbuffers/protobuf#19793).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType
from typing import Any

from etcd_factory.errors import DistributionError
from etcd_factory.errors.etcd3 import ADVICE, part

from . import additions

FILES = ("kv", "auth", "rpc")
PACKAGE = ".etcdserverpb."
# protoc's Python output before and after version 3.20
LITERAL = re.compile(r"(?:serialized_pb=_b\(|serialized_pb=b|AddSerializedFile\(b)'([^'\\]*(?:\\.[^'\\]*)*)'")

_guard = threading.RLock()


def serialized(name: str) -> bytes:
    """Return the serialized file descriptor inside python-etcd3's ``<name>_pb2``."""
    spec = part("etcdrpc", f"{name}_pb2")
    loader: Any = spec.loader
    source: str | None = loader.get_source(spec.name)  # None if only the compiled code was installed
    found = in_source(source) if source else next(in_code(loader.get_code(spec.name), f"{name}.proto"), None)
    if found is None:
        raise DistributionError(f"{spec.origin} has no readable descriptor; {ADVICE}")
    return found


def in_source(text: str) -> bytes | None:
    """Return the descriptor in the source of a generated module; compiling it would take much longer."""
    found = LITERAL.search(text)
    return found and found[1].encode("latin-1").decode("unicode_escape").encode("latin-1")


def in_code(code: CodeType, name: str) -> Iterator[bytes]:
    """Yield the descriptor of a file among the constants of a compiled module: its first field is the file's name."""
    start = b"\n" + bytes([len(name)]) + name.encode()
    for each in code.co_consts:
        data = each.encode("latin-1", "replace") if isinstance(each, str) else each
        if isinstance(data, bytes) and data.startswith(start):
            yield data


def complete(file: Any) -> None:
    """Update the descriptor of rpc.proto; a newer python-etcd3 may have some of the additions."""
    messages = {message.name: message for message in file.message_type}
    for name in additions.MESSAGES:
        if name not in messages:
            messages[name] = file.message_type.add(name=name)
    for name, rows in additions.FIELDS.items():
        for row in rows:
            set_field(messages[name], *row)
    for service, *method in additions.METHODS:
        add_method(next(s for s in file.service if s.name == service), *method)


def set_field(message: Any, name: str, number: int, kind: str) -> None:
    """Add or change one field; its kind is written as in ``additions``."""
    type_name, _, union = kind.lstrip("*").partition(" ")
    known = (field for field in message.field if field.number == number)
    field = next(known, None) or message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
    field.type = getattr(field, f"TYPE_{type_name.upper()}", field.TYPE_MESSAGE)
    if field.type == field.TYPE_MESSAGE:
        field.type_name = PACKAGE + type_name
    if union:
        field.oneof_index = [oneof.name for oneof in message.oneof_decl].index(union)


def add_method(service: Any, name: str, request: str, response: str) -> None:
    """Add one method; its response is written as in ``additions``."""
    if name not in {method.name for method in service.method}:
        types = {"input_type": PACKAGE + request, "output_type": PACKAGE + response.lstrip("*")}
        service.method.add(name=name, server_streaming=response.startswith("*"), **types)


@cache
def _files() -> dict[str, Any]:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

    pool = DescriptorPool()
    hosted: dict[str, Any] = {}
    for name in FILES:
        file = FileDescriptorProto.FromString(serialized(name))
        if name == "rpc":
            complete(file)
        pool.AddSerializedFile(file.SerializeToString())
        hosted[name] = pool.FindFileByName(f"{name}.proto")
    return hosted


def files() -> dict[str, Any]:
    """Return the file descriptors by name: kv, auth, rpc."""
    with _guard:  # a cache alone may run its function twice, and two pools would have two classes of each message
        return _files()


@cache
def _builder() -> Callable[[Any], Any]:
    """Return what makes the class of a descriptor, with those of its fields; for each descriptor it makes one."""
    from google.protobuf import message_factory

    build: Any = getattr(message_factory, "GetMessageClass", None)
    if build is None:  # protobuf before 4.22
        build = getattr(message_factory.MessageFactory(files()["rpc"].pool), "GetPrototype")  # noqa: B009
    return build  # type: ignore[no-any-return]


def message_class(name: str) -> Any:
    """Return a message's class, which is made at its first use, with those of its fields. None if there is none."""
    with _guard:
        for file in reversed(FILES):
            descriptor = files()[file].message_types_by_name.get(name)
            if descriptor is not None:
                return _builder()(descriptor)
    return None


def classes(name: str) -> dict[str, Any]:
    """Return the message classes of one file, by name."""
    with _guard:
        return {key: _builder()(descriptor) for key, descriptor in files()[name].message_types_by_name.items()}
