from __future__ import annotations

import json

import pytest

from etcd_factory import config_schema


@pytest.fixture
def folder(tmp_path):
    """A directory with a configuration of two environments."""
    (tmp_path / "c.default.yaml").write_text(
        "etcd:\n  client:\n    timeout: 5\n    auth: {username: app, password: hunter2}\n"
    )
    (tmp_path / "c.local.yaml").write_text("etcd:\n  client:\n    timeout: 2\n")
    (tmp_path / "c.prod.yaml").write_text("etcd:\n  client:\n    auth: {password: hunter3}\n    namespace: app/\n")
    return tmp_path


def test_a_valid_configuration(run, folder):
    done = run("config", "check", "--config", folder, "--env", "local")
    assert (done.code, done.out) == (0, "the configuration is valid: default\n  default: http://127.0.0.1:2379\n")


def test_where_there_is_no_configuration_that_is_said(run, monkeypatch):
    done = run("config", "check")
    assert done.code == 0
    assert "there is no configuration here" in done.out
    assert "the default client uses 127.0.0.1:2379" in done.out
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__HOSTS", "h:1")
    assert run("config", "check").out == "the configuration is valid: default\n  default: http://h:1\n"


def test_clients_without_hosts_beside_a_client_with_hosts_are_warned_of(run, tmp_path):
    file, clients = tmp_path / "x.json", {"a": {"timeout": 1}, "b": {"hosts": "b:1"}}
    file.write_text(json.dumps({"etcd": {"client": {"hosts": "h:1"}, "clients": clients}}))
    done = run("config", "check", "--config", file, "--json")
    (warning,) = done.json["warnings"]
    assert (done.code, "the client a has no hosts" in warning) == (0, True)
    assert done.json["hosts"]["b"] == ["http://b:1"]
    assert "warning: the client a has no hosts" in run("config", "check", "--config", file).out
    file.write_text(json.dumps({"etcd": {"client": {"hosts": "h:1"}, "clients": clients, "default": {"hosts": "d"}}}))
    assert run("config", "check", "--config", file, "--json").json["warnings"] == []


@pytest.mark.parametrize("command", [("put", "q", "1"), ("config", "check"), ("config", "explain"), ("doctor",)])
def test_an_environment_without_files_is_an_error_where_others_have_some(run, folder, command):
    done = run(*command, "--config", folder, "--env", "prd")
    assert done.code == 2
    assert "nothing for the environment 'prd'; did you mean 'prod'?; there is: local, prod" in done.out + done.err


@pytest.mark.parametrize("names", [("local", "prd"), ("prd", "local")])
def test_diff_with_an_environment_without_files_is_an_error_too(run, folder, names):
    done = run("config", "diff", *names, "--config", folder)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {folder}: nothing for the environment 'prd'; did you mean 'prod'?")


def test_an_environment_without_files_is_none_where_no_other_has_some(run, folder):
    for name in ("local", "prod"):
        (folder / f"c.{name}.yaml").unlink()
    assert run("config", "check", "--config", folder, "--env", "dev").code == 0


def test_a_tab_is_named_with_its_file_and_line(run, folder):
    (folder / "c.local.yaml").write_text("etcd:\n\tclient: {}\n")
    done = run("config", "check", "--config", folder, "--env", "local")
    assert done.out == f"{folder / 'c.local.yaml'}: line 2: a tab; indent with spaces\n"


def test_options_without_their_section_are_named_with_their_file(run, tmp_path):
    (tmp_path / "x.yaml").write_text("client: {hosts: h}\n")
    done = run("config", "check", "--config", tmp_path / "x.yaml")
    problem = "etcd: no such section; there is: client; put client below etcd:"
    assert done.out == f"{tmp_path / 'x.yaml'}: {problem}\n"


def test_a_misspelled_option_has_no_faults_that_follow_from_it(run, tmp_path):
    (tmp_path / "x.yaml").write_text("etcd: {client: {hots: https://h, tls: {server_name: n}}}\n")
    done = run("config", "check", "--config", tmp_path / "x.yaml", "--json")
    assert [fault["path"] for fault in done.json["faults"]] == ["etcd.client.hots"]


def test_every_fault_is_printed(run, folder):
    (folder / "c.local.yaml").write_text("etcd:\n  client: {hots: h, timeout: soon}\n")
    done = run("config", "check", "--config", folder, "--env", "local")
    assert done.code == 2
    assert {line.split(": ")[1] for line in done.out.splitlines()} == {"etcd.client.hots", "etcd.client.timeout"}
    as_json = run("config", "check", "--config", folder, "--env", "local", "--json").json
    assert {fault["path"] for fault in as_json["faults"]} == {"etcd.client.hots", "etcd.client.timeout"}
    assert not as_json["ok"]


def test_explain_names_the_line_and_shows_no_secret(run, folder, monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT", "7")
    done = run("config", "explain", "etcd.client", "--config", folder, "--env", "local", "--json")
    assert {row["key"]: (row["value"], row["place"].rpartition("/")[2]) for row in done.json} == {
        "etcd.client.timeout": (2, "c.local.yaml:3"),
        "etcd.client.auth.username": ("app", "c.default.yaml:4"),
        "etcd.client.auth.password": ("***", "c.default.yaml:4"),
        "etcd.client.dial_timeout": (7, "$ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT"),
    }


def test_explain_shows_only_the_keys_that_are_asked_for(run, folder):
    done = run("config", "explain", "etcd.client.auth", "--config", folder, "--env", "local")
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == [
        "etcd.client.auth.username",
        "etcd.client.auth.password",
    ]


def test_diff_shows_what_differs_and_secrets_only_that_they_do(run, folder):
    done = run("config", "diff", "local", "prod", "--config", folder, "--json")
    assert done.code == 1
    assert done.json == [
        {"key": "etcd.client.timeout", "local": 2, "prod": 5},
        {"key": "etcd.client.auth.password", "local": "***", "prod": "***"},
        {"key": "etcd.client.namespace", "local": "(not set)", "prod": "app/"},
    ]


def test_diff_of_equal_environments(run, folder):
    done = run("config", "diff", "local", "local", "--config", folder, "--json")
    assert (done.code, done.json) == (0, [])


def test_what_an_async_function_returns_is_checked_explained_and_compared(run, folder):
    (folder / "c.local.py").write_text(
        "import asyncio\n\n\nasync def config(info, merged):\n    await asyncio.sleep(0)\n"
        "    return {'etcd': {'client': {'namespace': info.env + '/'}}}\n"
    )
    assert run("config", "check", "--config", folder, "--env", "local").code == 0
    explained = run("config", "explain", "etcd.client.namespace", "--config", folder, "--env", "local", "--json")
    assert [(row["value"], row["place"].rpartition("/")[2]) for row in explained.json] == [("local/", "c.local.py")]
    done = run("config", "diff", "local", "prod", "--config", folder, "--json")
    assert {"key": "etcd.client.namespace", "local": "local/", "prod": "app/"} in done.json


def test_what_is_wrong_in_an_async_function_is_a_fault(run, folder):
    (folder / "c.local.py").write_text("async def config(info, merged):\n    return 1 / 0\n")
    done = run("config", "explain", "--config", folder, "--env", "local")
    assert (done.code, "c.local.py: line 2: ZeroDivisionError" in done.err) == (2, True)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_schema_is_printed_whole(run, options):
    assert json.loads(run("config", "schema", *options).out) == config_schema()


def test_a_missing_directory_is_a_fault(run, tmp_path):
    done = run("config", "explain", "--config", tmp_path / "none")
    assert done.code == 2
    assert "none" in done.err
