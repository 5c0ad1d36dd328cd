"""etcd's messages on whatever protobuf is installed, brought up to date, in a pool of their own."""

import importlib.util
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from etcd_factory.core.face import finish
from etcd_factory.errors import DistributionError
from etcd_factory.io.grpc.threads import ThreadTransport
from etcd_factory.options import ClientOptions
from etcd_factory.wire import descriptors, messages, methods


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_a_descriptor_that_has_the_additions_is_not_changed():
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    file = FileDescriptorProto.FromString(descriptors.serialized("rpc"))
    descriptors.complete(file)
    once = file.SerializeToString()
    descriptors.complete(file)
    assert file.SerializeToString() == once


def test_every_field_that_a_server_sends_is_known(etcd_server):
    transport = ThreadTransport(ClientOptions(hosts=[etcd_server.endpoint]))
    host = f"http://{etcd_server.endpoint}"
    status = finish(transport.unary(host, methods.STATUS, messages.StatusRequest(), 30, ()))
    finish(transport.close())
    assert status.dbSizeInUse > 0
    assert status.raftAppliedIndex > 0
    known = type(status).FromString(status.SerializeToString())
    known.DiscardUnknownFields()
    assert known == status


def test_the_default_pool_of_protobuf_is_not_used():
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


def test_many_threads_host_each_file_once():
    done = run(
        "import threading\n"
        "from etcd_factory.wire import descriptors\n"
        "found = []\n"
        "threads = [threading.Thread(target=lambda: found.append(descriptors.classes('rpc'))) for _ in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "assert len({id(classes['RangeRequest'].DESCRIPTOR) for classes in found}) == 1\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def generated(tmp_path, monkeypatch):
    """A function that makes a text the generated module of rpc.proto, as source or compiled."""

    def generated(text, *, compiled=False):
        path = tmp_path / "rpc_pb2.py"
        path.write_text(text)
        if compiled:
            path = Path(py_compile.compile(str(path), cfile=str(tmp_path / "rpc_pb2.pyc")))
        spec = importlib.util.spec_from_file_location("etcd3.etcdrpc.rpc_pb2", path)
        monkeypatch.setattr(descriptors, "part", lambda *names: spec)

    return generated


@pytest.mark.parametrize("compiled", [False, True])
def test_a_generated_module_without_a_descriptor_is_an_error_that_names_the_file(generated, compiled):
    generated("something = b'else'", compiled=compiled)
    with pytest.raises(DistributionError, match=r"rpc_pb2\.pyc? [^;]*; run: pip"):
        descriptors.serialized("rpc")


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("style", ["serialized_pb=_b({})", "serialized_pb=b{}", "AddSerializedFile(b{})"])
def test_a_descriptor_is_read_from_the_output_of_every_protoc(generated, style, compiled):
    generated(f"DESCRIPTOR = File({style.format(ascii(chr(10) + chr(9) + 'rpc.proto' + chr(255)))})", compiled=compiled)
    assert descriptors.serialized("rpc") == b"\n\trpc.proto\xff"


def test_the_bytes_of_a_descriptor_may_be_quotes_and_backslashes(generated):
    generated(r"DESCRIPTOR = File(serialized_pb=b'\n\trpc.proto\'\\\'\"\\', create_key=b'more')")
    assert descriptors.serialized("rpc") == b"\n\trpc.proto'\\'\"\\"
