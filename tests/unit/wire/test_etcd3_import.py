"""``import etcd3`` works beside any protobuf."""

import subprocess
import sys

import pytest

from etcd_factory.wire.etcd3_import import GENERATED, Etcd3Importer, install

BOTH = "import etcd_factory, etcd3\n"


def run(code):
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_etcd3_imports_after_etcd_factory_without_a_warning():
    run(BOTH + "assert etcd3.client and etcd3.Etcd3Client")


@pytest.mark.parametrize("name", ["kv", "auth", "rpc"])
def test_a_generated_module_has_the_hosted_messages(name):
    run(
        f"{BOTH}import etcd3.etcdrpc.{name}_pb2 as module\n"
        "from etcd_factory.wire import descriptors\n"
        f"assert all(getattr(module, key) is cls for key, cls in descriptors.classes('{name}').items())\n"
        f"assert module.DESCRIPTOR is descriptors.files()['{name}']\n"
    )


def test_a_generated_module_has_its_enums():
    run(
        BOTH + "from etcd3.etcdrpc import rpc_pb2, kv_pb2\n"
        "assert rpc_pb2.AlarmType.Name(rpc_pb2.NOSPACE) == 'NOSPACE'\n"
        "assert etcd3.etcdrpc.RangeRequest.SortOrder.Value('DESCEND') == 2\n"
    )


def test_errors_are_those_that_etcd3_knows():
    run(
        BOTH + "from etcd_factory import errors\n"
        "assert issubclass(errors.ConnectionFailedError, etcd3.exceptions.ConnectionFailedError)\n"
        "assert issubclass(errors.EtcdError, etcd3.exceptions.Etcd3Exception)\n"
    )


def test_an_etcd3_client_calls_a_server(etcd_server):
    host, port = etcd_server.endpoint.split(":")
    run(
        f"{BOTH}client = etcd3.client('{host}', {port})\n"
        "client.put('import', 'v')\n"
        "assert client.get('import')[0] == b'v'\n"
        "assert client.delete('import')\n"
        "client.close()\n"
    )


def test_installing_twice_has_no_effect():
    install()
    install()
    assert sum(isinstance(finder, Etcd3Importer) for finder in sys.meta_path) == 1


@pytest.mark.parametrize("name", ["etcd3", "etcd3.client", "etcd3.etcdrpc", "json"])
def test_other_modules_are_found_as_usual(name):
    assert Etcd3Importer().find_spec(name) is None


def test_the_generated_modules_are_found_here():
    assert {Etcd3Importer().find_spec(name).origin for name in GENERATED} == {"etcd_factory"}
