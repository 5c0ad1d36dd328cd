"""The client that the environment describes."""

from __future__ import annotations

import pytest

from etcd_factory import AsyncETCDService, ClientOptions, ETCDService
from etcd_factory.config.environment_client import client_options
from etcd_factory.errors import ConfigError

CLIENT = "ETCD_FACTORY__ETCD__CLIENT"


@pytest.mark.parametrize("face", [ETCDService, AsyncETCDService])
def test_a_url_in_a_variable(monkeypatch, face):
    monkeypatch.setenv(CLIENT, "etcd://u:hunter2@h1,h2/ns?timeout=3")
    assert face.from_env().options == ClientOptions.of("etcd://u:hunter2@h1,h2/ns?timeout=3")


def test_single_options_in_variables(monkeypatch, tmp_path):
    (tmp_path / "pw").write_text("hunter2\n")
    monkeypatch.setenv(f"{CLIENT}__HOSTS", "h1,h2:2")
    monkeypatch.setenv(f"{CLIENT}__AUTH__USERNAME", "u")
    monkeypatch.setenv(f"{CLIENT}__AUTH__PASSWORD__FILE", str(tmp_path / "pw"))
    monkeypatch.setenv("ETCD_FACTORY__ETCD__DEFAULT__TIMEOUT", "3")
    options = client_options()
    assert options.hosts == ("http://h1:2379", "http://h2:2")
    assert (options.auth.username, options.auth.password(), options.timeout) == ("u", "hunter2", 3)


def test_without_variables_there_are_the_defaults():
    assert client_options() == ClientOptions()


def test_defaults_alone_are_used_too(monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY__ETCD__DEFAULT__TIMEOUT", "3")
    assert client_options() == ClientOptions(timeout=3)


def test_files_are_below_the_environment(monkeypatch, write):
    write(".env", f"{CLIENT}=etcd://a/ns\n")
    write("b.env", f"{CLIENT}__NAMESPACE=b/\n")
    monkeypatch.setenv(f"{CLIENT}__TIMEOUT", "3")
    assert client_options(".env", "b.env") == ClientOptions(hosts="a", namespace="b/", timeout=3)


def test_files_of_the_directory_config_are_not_read(write):
    write("config/config.default.yaml", "etcd: {client: {timeout: 1}}")
    assert client_options() == ClientOptions()


def test_the_class_of_the_client_is_that_which_was_called(monkeypatch):
    monkeypatch.setenv(f"{CLIENT}__CLIENT_CLASS", "etcd_factory:AsyncETCDService")
    assert type(ETCDService.from_env()) is ETCDService


def test_a_fault_names_the_variable_and_no_password(monkeypatch):
    monkeypatch.setenv(CLIENT, "etcd://u:hunter2@h?timeot=1")
    with pytest.raises(ConfigError) as caught:
        ETCDService.from_env()
    assert str(caught.value) == f"${CLIENT}: etcd.client.timeot: unknown option; did you mean 'timeout'?"
