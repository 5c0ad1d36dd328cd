"""What an import loads, seen in a process of its own: a program pays only for what it uses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SHOW = "import json, sys; print(json.dumps([name for name in {names!r} if name in sys.modules]))"
CLIENT = "from etcd_factory import ETCDService; ETCDService({'hosts': '127.0.0.1:1'}).close()"
FACTORY = "from etcd_factory import ETCDServiceFactory; ETCDServiceFactory({'clients': {'a': {}}}).close()"


def loaded(code, *names):
    """Those of the modules that are loaded after the code has run."""
    program = f"{code}\n{SHOW.format(names=names)}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "code",
    ["from etcd_factory import ETCDService, AsyncETCDService", CLIENT, FACTORY, "import etcd_factory.options.factory"],
)
def test_omegaconf_and_yaml_are_not_loaded_without_a_file(code):
    assert loaded(code, "omegaconf", "yaml", "etcd_factory.config") == []


def test_the_options_of_a_factory_are_not_loaded_for_a_client():
    assert loaded(CLIENT, "etcd_factory.options.factory", "etcd_factory.options.services") == []


@pytest.mark.parametrize("code", [CLIENT, FACTORY])
def test_what_few_programs_use_is_not_loaded_for_a_client(code):
    few = ("core.mirror.mirror", "core.concurrency.queue", "core.call.batching", "model.activity", "model.cluster")
    assert loaded(code, "tempfile", *(f"etcd_factory.{name}" for name in few)) == []


@pytest.mark.parametrize("face", ["ETCDServiceFactory", "AsyncETCDServiceFactory"])
def test_a_factory_is_imported_without_its_clients_and_what_they_use(face):
    clients = (
        "service",
        "raw",
        "core.call.client",
        "core.kv",
        "core.lease",
        "core.watch",
        "io.http2",
        "factory.shared",
    )
    others = ("grpc", "google.protobuf", "hpack", "asyncio", "ssl", "concurrent.futures")
    found = loaded(f"from etcd_factory import {face}", *others, *(f"etcd_factory.{name}" for name in clients))
    assert found == []


@pytest.mark.parametrize("code", [CLIENT, FACTORY])
def test_a_client_that_does_not_watch_and_has_no_lease_loads_neither(code):
    modules = ("core.watch.builder", "core.watch.stream", "core.lease.lease", "core.lease.keepalive")
    assert loaded(code, *(f"etcd_factory.{name}" for name in modules)) == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no Self of its own")
@pytest.mark.parametrize("name", ["threads", "asyncio"])
def test_a_runtime_does_not_load_typing_extensions(name):
    assert loaded(f"import etcd_factory.io.runtime.{name}", "typing_extensions") == []


def test_asyncio_connects_without_the_runtime_on_threads():
    assert loaded("import etcd_factory.io.http2.asyncio", "etcd_factory.io.runtime.threads") == []


def test_omegaconf_is_loaded_to_read_a_configuration():
    assert loaded("from etcd_factory import load_config; load_config({})", "omegaconf", "yaml") == ["omegaconf", "yaml"]


def test_the_options_of_a_factory_are_not_loaded_to_read_a_configuration_without_variables():
    code = "from etcd_factory import load_config; load_config({'etcd': {'client': {'timeout': 1}}})"
    assert loaded(code, "etcd_factory.options.factory", "etcd_factory.config.variables") == []


def test_a_tree_is_accepted_if_the_program_itself_loads_omegaconf():
    tree = "OmegaConf.create({'timeout': '${retry.attempts}', 'retry': {'attempts': 3}})"
    code = f"from etcd_factory import ClientOptions\nfrom omegaconf import OmegaConf\nresult = ClientOptions.of({tree})"
    assert loaded(f"{code}\nassert result.timeout == 3", "omegaconf") == ["omegaconf"]


def test_the_parsers_of_files_are_loaded_on_first_use():
    assert loaded("import etcd_factory.config", "tomllib", "tomli", "runpy") == []


@pytest.mark.parametrize("name", ["FactoryOptions", "priority", "ClientOptions", "ClientOptionsDict"])
def test_every_name_of_the_options_can_be_imported(name):
    assert loaded(f"from etcd_factory.options import {name}", "etcd_factory.options") == ["etcd_factory.options"]


def test_an_unknown_name_of_the_options_is_an_error():
    import etcd_factory.options as options

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = options.nothing
