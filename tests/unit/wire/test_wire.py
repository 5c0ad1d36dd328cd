"""etcd's messages on whatever protobuf is installed, brought up to date, in a pool of their own."""

import os
import subprocess
import sys

import pytest

from etcd_factory import ETCDService
from etcd_factory.wire import additions, descriptors, messages, methods

ROWS = [(name, *row) for name, rows in additions.FIELDS.items() for row in rows]
SAMPLES = {"bool": True, "int32": -7, "int64": -7, "uint64": 7, "string": "text", "bytes": b"\xff"}
METHODS = [value for value in vars(methods).values() if isinstance(value, methods.Method)]


def sample(kind):
    """A value for a field of that kind."""
    name = kind.lstrip("*").partition(" ")[0]
    value = SAMPLES[name] if name in SAMPLES else getattr(messages, name)()
    return [value, value] if kind.startswith("*") else value


def run(code, *flags, **env):
    return subprocess.run(
        [sys.executable, *flags, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(("message", "field", "number", "kind"), ROWS, ids=[f"{row[0]}.{row[1]}" for row in ROWS])
def test_a_field_that_etcd_has_gained_goes_over_the_wire(message, field, number, kind):
    cls = getattr(messages, message)
    sent = cls(**{field: sample(kind)})
    assert cls.DESCRIPTOR.fields_by_number[number].name == field
    assert sent.SerializeToString()
    assert cls.FromString(sent.SerializeToString()) == sent


@pytest.mark.parametrize("name", additions.MESSAGES)
def test_a_message_that_etcd_has_gained_is_there(name):
    assert getattr(messages, name)().SerializeToString() == b""


@pytest.mark.parametrize(("service", "name"), additions.METHODS)
def test_a_call_that_etcd_has_gained_is_there(service, name):
    request, reply = methods.Method(service, name).types
    assert (request.DESCRIPTOR.name, reply.DESCRIPTOR.name) == (f"{name}Request", f"{name}Response")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_a_call_has_a_path_and_its_message_classes(method):
    request, reply = method.types
    assert method.path == f"/etcdserverpb.{method.service}/{method.name}"
    assert request.DESCRIPTOR.name.endswith("Request")
    assert reply.DESCRIPTOR.name.endswith("Response")


def test_the_progress_request_is_one_of_the_requests_of_a_watch():
    request = messages.WatchRequest(progress_request={})
    assert request.WhichOneof("request_union") == "progress_request"


def test_a_descriptor_that_has_the_additions_already_stays_as_it_is():
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    file = FileDescriptorProto.FromString(descriptors.serialized("rpc"))
    descriptors.complete(file)
    once = file.SerializeToString()
    descriptors.complete(file)
    assert file.SerializeToString() == once


def test_a_message_that_etcd_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="etcd has no message 'RangRequest'"):
        _ = messages.RangRequest


def test_what_a_server_says_is_understood_to_the_last_field(etcd_server):
    with ETCDService({"hosts": [etcd_server.endpoint]}) as client:
        status = client._run.finish(client._run.client.call(methods.STATUS, messages.StatusRequest(), 30))
    assert status.dbSizeInUse > 0
    assert status.raftAppliedIndex > 0
    known = type(status).FromString(status.SerializeToString())
    known.DiscardUnknownFields()
    assert known == status


def test_each_message_has_one_class():
    assert messages.KeyValue is messages.KeyValue
    assert type(messages.RangeResponse(kvs=[{}]).kvs[0]) is messages.KeyValue


def test_the_default_pool_of_protobuf_is_left_alone():
    done = run(
        "from etcd_factory.wire import messages; messages.RangeRequest()\n"
        "from google.protobuf import descriptor_pool as pools\n"
        "for name in ('rpc.proto', 'kv.proto', 'auth.proto'):\n"
        "    try: pools.Default().FindFileByName(name)\n"
        "    except KeyError: continue\n"
        "    raise SystemExit(name + ' is in the default pool')\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_another_rpc_proto_in_the_default_pool_does_no_harm():
    done = run(
        "from google.protobuf import descriptor_pb2, descriptor_pool\n"
        "file = descriptor_pb2.FileDescriptorProto(name='rpc.proto', package='etcdserverpb')\n"
        "file.message_type.add(name='RangeRequest')\n"
        "descriptor_pool.Default().AddSerializedFile(file.SerializeToString())\n"
        "from etcd_factory.wire import messages\n"
        "assert messages.RangeRequest(key=b'k').key == b'k'\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def wrong(folder):
    """A folder in which another distribution installs the import name etcd3."""
    (folder / "etcd3").mkdir()
    (folder / "etcd3" / "__init__.py").write_text("")
    info = folder / "etcd3_py-0.1.6.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: etcd3-py\nVersion: 0.1.6\n")
    (info / "top_level.txt").write_text("etcd3\n")
    return str(folder)


def test_another_distribution_named_etcd3_is_named_with_what_to_run(tmp_path):
    done = run("import etcd_factory", PYTHONPATH=wrong(tmp_path))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert str(tmp_path / "etcd3") in last
    assert "comes from etcd3-py, not from python-etcd3" in last
    assert "pip install --force-reinstall etcd3" in last


def test_the_error_about_another_distribution_is_an_import_error(tmp_path):
    done = run("try: import etcd_factory\nexcept ImportError: print('caught')", PYTHONPATH=wrong(tmp_path))
    assert done.stdout == "caught\n"
