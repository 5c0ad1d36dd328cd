from __future__ import annotations

import pytest

from etcd_factory import ClientOptions
from etcd_factory.config import AsyncConfigError, read
from etcd_factory.config.section import section
from etcd_factory.errors import ConfigError
from etcd_factory.options.structure import structure


def options(mapping):
    """Read a client's options as a factory of etcd clients does."""
    return structure(ClientOptions, mapping)


def sectioned(*sources, key="etcd"):
    return section(read(*sources, key=key), key, options)


@pytest.fixture
def texts():
    """The texts of all faults of one section."""

    def texts(*sources, **given):
        with pytest.raises(ConfigError) as caught:
            sectioned(*sources, **given)
        return [str(fault) for fault in caught.value.faults]

    return texts


def test_a_section_has_each_client_read():
    made = sectioned({"etcd": {"default": {"timeout": 1}, "client": {"host": "a"}}})
    assert made.clients == {"default": ClientOptions(timeout=1, hosts="a")}
    assert made.options.client == {"host": "a"}


@pytest.mark.parametrize("key", ["a", "a.b"])
def test_a_section_may_have_any_key(key):
    inner = {"client": {"timeout": 1}}
    source = {"a": inner} if key == "a" else {"a": {"b": inner}}
    assert sectioned(source, key=key).clients == {"default": ClientOptions(timeout=1)}


@pytest.mark.parametrize("empty", [None, {}])
def test_an_empty_section_has_no_clients(empty):
    assert sectioned({"etcd": empty}).clients == {}


def test_a_missing_section_is_an_error_that_lists_the_existing_ones(texts):
    assert texts({"etdc": {}, "redis": {}}) == [
        "mapping 1: etcd: no such section; there is: etdc, redis; did you mean 'etdc'?"
    ]
    assert texts({}) == ["etcd: no such section; there is: nothing"]


def test_a_section_that_is_missing_from_a_broken_load_is_not_reported(write, texts):
    write("a.yaml", "etcd: [")
    (fault,) = texts("a.yaml")
    assert fault.startswith("a.yaml: line 1: ")


def test_a_fault_has_its_file_and_its_path(write, texts):
    write("a.yaml", "{etcd: {client: {hots: 1}, clients: {a: {timeout: 1}}}}")
    assert texts("a.yaml", {"etcd": {"clients": {"a": {"timeout": "soon"}}}}) == [
        "mapping 1: etcd.clients.a.timeout: expected a number of seconds, "
        "or a duration like '5s' or '500ms', got 'soon'",
        "a.yaml: etcd.client.hots: unknown option; did you mean 'hosts'?",
    ]


def test_the_faults_of_the_load_come_first(write, texts):
    write("a.yaml", "[")
    found = texts("a.yaml", {"etcd": {"client": {"hots": 1}}})
    assert [fault.partition(": ")[0] for fault in found] == ["a.yaml", "mapping 1"]


def test_a_section_that_cannot_be_resolved_is_a_fault(write, texts):
    write("a.yaml", "etcd: ${oc.env:NOWHERE_SET}")
    (fault,) = texts("a.yaml")
    assert fault.startswith("a.yaml: etcd: ")
    assert "environment variable NOWHERE_SET is not set" in fault


def test_a_file_that_only_asyncio_can_load_keeps_its_error(write):
    write("a.py", "async def config(info, merged): return {}")
    with pytest.raises(AsyncConfigError):
        sectioned("a.py")
