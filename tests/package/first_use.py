"""A user's first put and get, on what is installed: run in an environment of its own."""

import importlib.metadata
import sys
from pathlib import Path

import etcd_factory
from etcd_factory import ETCDServiceFactory
from etcd_factory.testing import EtcdServer

assert Path(etcd_factory.__file__).is_relative_to(sys.prefix), etcd_factory.__file__
assert Path(etcd_factory.__file__).with_name("py.typed").is_file()

with EtcdServer() as server, ETCDServiceFactory({"client": {"hosts": server.endpoint}}) as factory:
    factory.get().put("foo").value("bar")
    assert factory.get().get("foo").string() == "bar"

import etcd3  # noqa: E402  # works once ours was imported

assert etcd3.Etcd3Client
versions = [f"{name} {importlib.metadata.version(name)}" for name in ("etcd3", "protobuf", "grpcio")]
print(sys.version.split()[0], *versions)
