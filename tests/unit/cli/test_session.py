from __future__ import annotations

import json

import pytest

from etcd_factory.cli.session import NOTHING, Session, password
from etcd_factory.cli.settings import Settings
from etcd_factory.errors import ConfigError, InstanceNotFoundError
from etcd_factory.options.secret import reveal


@pytest.fixture
def config(tmp_path):
    """A configuration of two clients."""
    clients = {"one": {"hosts": "h1:1", "namespace": "a/"}, "two": {"hosts": "h2:2"}}
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"etcd": {"clients": clients, "default_client_name": "one"}}))
    return (file,)


def test_the_sources_are_those_given_else_the_directory_else_none(tmp_path, monkeypatch, config):
    monkeypatch.chdir(tmp_path)
    assert Session(Settings(config)).sources() == config
    assert Session().sources() == (NOTHING,)
    (tmp_path / "config").mkdir()
    assert Session().sources() == ("config",)


def test_without_files_variables_configure_the_client(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__HOSTS", "h:1")
    with Session().client() as etcd:
        assert etcd.options.hosts == ("http://h:1",)


def test_a_configuration_function_may_be_async(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("async def config(info, merged):\n    return {'etcd': {'client': {'hosts': 'h:1'}}}")
    with Session(Settings((file,))).client() as etcd:
        assert etcd.endpoint == "h:1"


@pytest.mark.parametrize(("name", "host"), [(None, "http://h1:1"), ("one", "http://h1:1"), ("two", "http://h2:2")])
def test_the_client_is_chosen_by_name(config, name, host):
    with Session(Settings(config, client=name)).client() as etcd:
        assert etcd.options.hosts == (host,)


def test_an_unknown_client_is_an_error(config):
    with pytest.raises(InstanceNotFoundError), Session(Settings(config, client="three")).client():
        pass


def test_the_command_line_changes_the_chosen_client_alone(config, monkeypatch):
    monkeypatch.setenv("ETCD_PASSWORD", "hunter2")
    session = Session(Settings(config, hosts="h3:3,h4:4", user="alice", timeout=9))
    with session.factory() as factory:
        one, two = session.chosen(factory).options, factory.get("two").options
    assert (one.hosts, one.timeout, one.namespace) == (("http://h3:3", "http://h4:4"), 9, "a/")
    assert (one.auth.username, reveal(one.auth.password)) == ("alice", "hunter2")
    assert (two.hosts, two.timeout, two.auth) == (("http://h2:2",), 5, None)


def test_hosts_without_a_scheme_use_tls_where_the_configuration_does(tmp_path):
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"etcd": {"client": {"hosts": "https://h:1", "tls": {"server_name": "n"}}}}))
    with Session(Settings((file,), hosts="a,b")).client() as etcd:
        assert etcd.options.hosts == ("https://a:2379", "https://b:2379")


def test_all_clients_or_the_chosen_one_are_listed(config):
    for chosen, names in ((None, ["one", "two"]), ("two", ["two"])):
        session = Session(Settings(config, client=chosen))
        with session.factory() as factory:
            assert [name for name, _ in session.clients(factory)] == names


@pytest.mark.parametrize("given", [{"hosts": "h3:3"}, {"user": "alice"}, {"hosts": "h3:3", "client": "one"}])
def test_hosts_or_a_user_of_the_command_line_choose_their_client_alone(config, given, monkeypatch):
    monkeypatch.setenv("ETCD_PASSWORD", "hunter2")
    session = Session(Settings(config, **given))
    with session.factory() as factory:
        ((name, etcd),) = session.clients(factory)
        assert (name, etcd.endpoint, etcd.options.namespace) == ("one", given.get("hosts", "h1:1"), "a/")


def test_a_password_is_never_an_argument(run):
    done = run("get", "k", "--hosts", "http://alice:hunter2@h:1")
    assert done.code == 2
    assert "hunter2" not in done.err


def test_a_password_is_asked_for_in_a_terminal_alone(monkeypatch):
    monkeypatch.delenv("ETCD_PASSWORD", raising=False)
    monkeypatch.setattr("etcd_factory.cli.session.is_interactive", lambda: False)
    with pytest.raises(ConfigError, match="ETCD_PASSWORD"):
        password("alice")


def test_a_password_is_asked_for_without_being_shown(monkeypatch):
    asked = {}

    def prompt(text, **options):
        asked.update(options, text=text)
        return "hunter2"

    monkeypatch.delenv("ETCD_PASSWORD", raising=False)
    monkeypatch.setattr("etcd_factory.cli.session.is_interactive", lambda: True)
    monkeypatch.setattr("typer.prompt", prompt)
    assert password("alice") == "hunter2"
    assert asked == {"text": "Password of alice", "hide_input": True, "err": True}
