"""What newcomers pass to a service or a factory, and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ConfigError, ETCDService, ETCDServiceFactory

FACTORIES = pytest.mark.parametrize("factory", [ETCDServiceFactory, AsyncETCDServiceFactory])


@pytest.mark.parametrize("service", [ETCDService, AsyncETCDService])
@pytest.mark.parametrize(
    ("given", "example"),
    [
        ({"host": "h", "port": 2379}, "{'hosts': 'h:2379'}"),
        ({"host": "h:1"}, "{'hosts': 'h:1'}"),
        ({"hosts": ["h:1", "i:1"]}, "{'hosts': ['h:1', 'i:1']}"),
        ({"port": 1}, "{'hosts': '127.0.0.1:1'}"),
        ({"host": "h", "password": "hunter2"}, "{'hosts': 'h', 'password': ...}"),
    ],
)
def test_options_as_keyword_arguments_are_a_type_error_that_says_what_to_write(service, given, example):
    with pytest.raises(TypeError) as caught:
        service(**given)
    assert str(caught.value) == f"{service.__name__} takes one mapping: {service.__name__}({example})"


@pytest.mark.parametrize("service", [ETCDService, AsyncETCDService])
def test_a_host_as_the_options_is_an_error_that_says_what_to_write(service):
    with pytest.raises(ConfigError) as caught:
        service("h:2379")
    assert str(caught.value) == 'expected a mapping, got str; write {"hosts": "h:2379"}'


@FACTORIES
@pytest.mark.parametrize("config", ["config", "h:2379", Path("config")], ids=str)
def test_a_directory_or_a_host_for_a_factory_is_an_error_that_says_what_to_write(factory, config):
    with pytest.raises(ConfigError) as caught:
        factory(config)
    name, kind = factory.__name__, type(config).__name__
    assert str(caught.value) == (
        f"expected a mapping, got {kind}; write {name}.from_config('{config}') to read files, "
        f"or {{'client': {{'hosts': '{config}'}}}}"
    )


@FACTORIES
def test_a_url_with_a_password_is_not_shown(factory):
    with pytest.raises(ConfigError) as caught:
        factory("http://root:hunter2@h")
    assert "hunter2" not in str(caught.value)


@FACTORIES
@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"hosts": "h:1"}, "hosts: unknown option; write client: {hosts: ...}"),
        ({"host": "h:1"}, "host: unknown option; write client: {hosts: ...}"),
        ({"endpoints": "h:1"}, "endpoints: unknown option; write client: {hosts: [host:port, ...]}"),
        ({"timeout": 1}, "timeout: unknown option; write client: {timeout: ...}"),
        ({"password": "x"}, "password: unknown option; write client: {auth: {username: ..., password: ...}}"),
        ({"etcd": {}}, "etcd: unknown option; pass what is inside it: config['etcd'], or load_config(...).etcd"),
        ({"cleints": {}}, "cleints: unknown option; did you mean 'clients'?"),
    ],
)
def test_options_of_a_client_for_a_factory_are_an_error_that_says_where_they_belong(factory, config, fault):
    with pytest.raises(ConfigError) as caught:
        factory(config)
    assert str(caught.value) == fault


def test_options_of_a_client_in_the_section_of_a_file_are_reported_with_the_file(tmp_path):
    (path := tmp_path / "a.yaml").write_text("etcd: {hosts: 'h:1'}")
    with pytest.raises(ConfigError) as caught:
        ETCDServiceFactory.from_config(path)
    assert str(caught.value) == f"{path}: etcd.hosts: unknown option; write client: {{hosts: ...}}"
