"""``.env`` files as sources."""

from __future__ import annotations

import sys

import pytest

from etcd_factory import ETCDServiceFactory, explain_config, load_config


@pytest.fixture
def base(write):
    write("config/a.default.yaml", "etcd: {client: {hosts: a, timeout: 1}, clients: {B-c: {timeout: 1}}}")


@pytest.mark.parametrize("name", [".env", ".env.local", "local.env", "sub/.env", "a.default.env"])
def test_its_variables_override_files_and_mappings_but_not_the_environment(write, base, monkeypatch, name):
    write(
        name,
        """
        # a comment
        export ETCD_FACTORY__ETCD__CLIENT__TIMEOUT=2
        ETCD_FACTORY__ETCD__CLIENT__NAMESPACE="from file/"
        ETCD_FACTORY__ETCD__CLIENT__HOSTS='b:1,c:2'
        ETCD_FACTORY__ETCD__CLIENTS__B_C__TIMEOUT=3
        OTHER=x
        UNSET
        """,
    )
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__NAMESPACE", "environment/")
    assert load_config(name, "config", {"etcd": {"client": {"timeout": 9}}}) == {
        "etcd": {
            "client": {"hosts": ["b:1", "c:2"], "timeout": 2, "namespace": "environment/"},
            "clients": {"B-c": {"timeout": 3}},
        }
    }


def test_a_later_file_overrides_an_earlier_one(write):
    write(".env", "ETCD_FACTORY__X=1\nETCD_FACTORY__Y=1")
    write(".env.local", "ETCD_FACTORY__X=2")
    assert load_config({}, ".env", ".env.local") == {"x": 2, "y": 1}


def test_a_value_is_used_to_the_byte(write):
    write(".env", "ETCD_FACTORY__ETCD__CLIENT__AUTH__PASSWORD='p${HOME}#\"\\\\'\nHOME=x")
    assert load_config({}, ".env").etcd.client.auth.password == 'p${HOME}#"\\'


def test_a_url_may_be_in_the_file(write, monkeypatch):
    write(".env", "ETCD_FACTORY__ETCD__CLIENT=etcds://u:hunter2@h/ns")
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__TIMEOUT", "4")
    options = ETCDServiceFactory.from_config({"etcd": {}}, ".env").get().options
    assert (options.hosts, options.namespace, options.timeout) == (("https://h:2379",), "ns", 4)


def test_a_value_is_explained_with_its_file_and_variable(write):
    write(".env", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT=2")
    explained = explain_config({}, ".env")
    assert explained["etcd.client.timeout"].layer == ".env: $ETCD_FACTORY__ETCD__CLIENT__TIMEOUT"
    assert explained.files == (".env",)


def test_faults_name_the_file_and_the_variable(write, faults):
    write(".env", "ETCD_FACTORY__A=1\nETCD_FACTORY__A__B=2\nETCD_FACTORY__C='hunter2: [")
    assert faults({}, ".env") == [".env: line 3: expected NAME=value"]
    write(".env", "ETCD_FACTORY__A=1\nETCD_FACTORY__A__B=2\nETCD_FACTORY__C='[hunter2'")
    assert faults({}, ".env") == [
        ".env: $ETCD_FACTORY__A__B: a.b: is already set by $ETCD_FACTORY__A",
        ".env: $ETCD_FACTORY__C: is not valid YAML; put the value in quotes",
    ]


def test_an_option_of_the_file_that_is_wrong_is_a_fault_of_it(write):
    write(".env", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT=-2")
    with pytest.raises(ValueError, match="above 0") as caught:
        ETCDServiceFactory.from_config({}, ".env")
    assert str(caught.value).startswith(".env: $ETCD_FACTORY__ETCD__CLIENT__TIMEOUT: etcd.client.timeout: expected")


def test_a_file_that_is_missing_or_no_text_is_a_fault(write, faults, tmp_path):
    write(".envv", "")
    (fault,) = faults({}, ".env")
    assert fault == f".env: no such file; looked at {tmp_path}/.env; did you mean '.envv'?"
    write(".env", b"A=\xff")
    assert faults({}, ".env") == [".env: line 1: not UTF-8"]


def test_a_file_in_a_directory_is_not_read(write, base):
    write("config/.env", "ETCD_FACTORY__X=1")
    write("config/b.default.yaml", "")
    assert "x" not in load_config("config")
    (write("config.env/a.default.yaml", "x: 1"))
    assert load_config("config.env") == {"x": 1}


def test_a_file_of_another_environment_is_not_missed(write, caplog):
    write("prod.env", "ETCD_FACTORY__X=1")
    assert load_config({}, "prod.env", env="local") == {"x": 1}
    assert caplog.text == ""


def test_a_misspelled_variable_is_warned_of(write, caplog):
    write(".env", "ETCD_FACTORY__ETCD__CLIENT__TIMOUT=1")
    load_config({}, ".env")
    assert "did you mean $ETCD_FACTORY__ETCD__CLIENT__TIMEOUT?" in caplog.text


def test_without_python_dotenv_the_fault_says_what_to_install(write, faults, monkeypatch):
    monkeypatch.setitem(sys.modules, "dotenv.parser", None)
    write(".env", "ETCD_FACTORY__X=1")
    assert faults({}, ".env") == [".env: reading it needs python-dotenv: pip install 'etcd-factory[dotenv]'"]


def test_a_change_of_the_file_is_followed(write):
    write(".env", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT=2")
    with ETCDServiceFactory.from_config({"etcd": {"client": {}}}, ".env") as factory:
        write(".env", "ETCD_FACTORY__ETCD__CLIENT__TIMEOUT=3")
        assert factory.reload().changed == ("default",)
        assert factory.get().options.timeout == 3
