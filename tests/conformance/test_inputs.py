"""User mistakes: each error has a class to catch, says what was wrong, where and what to do, and changes nothing."""

from __future__ import annotations

import copy
import json
import re
import socket
import time

import pytest

from etcd_factory import ClientOptions, ConfigError
from etcd_factory.errors import (
    AuthenticationFailedError,
    ClientClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    EtcdError,
    EtcdFactoryError,
    InstanceExistsError,
    InstanceNotFoundError,
    InvalidAuthTokenError,
)
from etcd_factory.testing import EtcdServer
from etcd_factory.testing.tcp_ports import free_ports
from tests.support.boxes import error_of
from tests.support.faces import closed, settle
from tests.support.pems import CERT

SLACK = 1.5  # seconds that a busy machine may add to the documented bound


@pytest.fixture
async def factory(face, options):
    """A factory with one good client."""
    made = face.factory({"client": options})
    yield made
    await closed(made)


@pytest.fixture
def etcd(factory):
    return factory.get()


@pytest.fixture
def base(tmp_path, monkeypatch):
    """The current directory, with a good base layer in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "c.default.yaml").write_text("etcd: {client: {timeout: 3}}\n")
    return tmp_path


# --- options

INVALID = {
    "unknown option": ({"hots": "a"}, "hots: unknown option; did you mean 'hosts'?"),
    "unknown option below": (
        {"auth": {"username": "u", "pasword": "hunter2", "password": "hunter2"}},
        "auth.pasword: unknown option; did you mean 'password'?",
    ),
    "wrong type": (
        {"timeout": "5"},
        "timeout: expected a number of seconds, or a duration like '5s' or '500ms', got '5'",
    ),
    "number as password": (
        {"auth": {"username": "u", "password": 4711}},
        "auth.password: expected text, got int; write it in quotes",
    ),
    "empty hosts": ({"hosts": []}, "hosts: expected at least one host, got an empty list; write host:port"),
    "http and https": (
        {"hosts": ["http://a", "https://b"]},
        "hosts: http and https hosts are mixed: http://a:2379, https://b:2379; use one of them for all",
    ),
    "half an auth": ({"auth": {"username": "u"}}, "auth: username is set without password; set both or neither"),
    "cert without key": (
        {"hosts": "https://a", "tls": {"cert": CERT}},
        "tls: cert is set without key; set both or neither",
    ),
    "tls with http": (
        {"hosts": "http://a", "tls": {"ca": CERT}},
        "tls is set, but the host http://a:2379 does not use TLS; write https://",
    ),
    "no such file": (
        {"hosts": "https://a", "tls": {"ca": "no.pem"}},
        "tls.ca: expected PEM text or a file path; no such file: no.pem",
    ),
    "password in a url": (
        {"hosts": "http://u:hunter2@a"},
        "hosts: a host cannot contain a user and password; write them as auth: {username, password}",
    ),
}


@pytest.fixture(params=INVALID.values(), ids=INVALID)
def invalid(request):
    return request.param


async def test_invalid_options_of_a_service_say_what_where_and_what_to_do(face, invalid):
    given, text = invalid
    before = copy.deepcopy(given)
    with pytest.raises(ConfigError) as caught:
        face.service(given)
    assert str(caught.value).startswith(text)
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    assert given == before


async def test_invalid_options_at_run_time_leave_the_factory_unchanged(factory, etcd, invalid):
    given, text = invalid
    hosts = {} if "hosts" in given else {"hosts": "a"}
    error = await error_of(lambda: factory.create_instance({**hosts, **given}, "new"))
    assert isinstance(error, ConfigError)
    assert str(error).startswith(text)
    assert (factory.names, factory.get()) == (("default",), etcd)


async def test_invalid_options_of_a_factory_are_reported_with_the_path_of_the_client(face, invalid):
    given, text = invalid
    with pytest.raises(ConfigError) as caught:
        face.factory({"clients": {"a": given}})
    where = "clients.a: " if text.startswith("tls is set") else "clients.a."
    assert str(caught.value).startswith(where + text)


async def test_invalid_options_in_a_file_are_reported_with_its_name(face, base, invalid):
    given, text = invalid
    (base / "config" / "c.prod.json").write_text(json.dumps({"etcd": {"clients": {"a": given}}}))
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config()
    where = "etcd.clients.a: " if text.startswith("tls is set") else "etcd.clients.a."
    assert str(caught.value).startswith(f"config/c.prod.json: {where}{text}")


@pytest.mark.parametrize("timeout", [0, -1, "1", True, float("inf")], ids=repr)
async def test_an_invalid_timeout_of_a_view_names_the_option(etcd, timeout):
    error = await error_of(lambda: etcd.with_options(timeout=timeout))
    assert isinstance(error, ConfigError)
    assert str(error).startswith("timeout: expected a number of seconds")


# --- files

BROKEN = {
    "yaml": ("c.prod.yaml", "a: 1\netcd: [", "line 2: "),
    "json": ("c.prod.json", '{"a": 1,\n "b": }', "line 2: "),
    "toml": ("c.prod.toml", "a = 1\nb = \n", "line 2"),
    "py": ("c.prod.py", "a = 1\ndef\n", "line 2: SyntaxError: "),
    "py that raises": ("c.prod.py", "a = 1\n\nb = 1 / 0\n", "line 3: ZeroDivisionError: "),
}


@pytest.mark.parametrize(("name", "text", "where"), BROKEN.values(), ids=BROKEN)
async def test_a_syntax_error_in_a_file_is_reported_with_its_line(face, base, name, text, where):
    (base / "config" / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config()
    (fault,) = caught.value.faults
    assert fault.file == f"config/{name}"
    assert where in fault.message
    assert "ETCD" not in str(fault)


async def test_an_unreadable_file_is_reported(face, base, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    with pytest.raises(ConfigError, match=r"^config/c\.default\.yaml: cannot read the file: Permission denied"):
        face.factory.from_config()


async def test_a_pem_file_that_was_deleted_is_reported_at_the_first_call(make, tmp_path):
    (path := tmp_path / "ca.pem").write_text(CERT)
    etcd = make(hosts="https://127.0.0.1:1", tls={"ca": path})
    path.unlink()
    error = await error_of(lambda: etcd.get("k").string())
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"{path}: tls.ca: cannot be read: No such file")


async def test_a_missing_file_is_reported_with_the_nearest_name(face, base):
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config("config", "config/c.defalt.yaml", env="defalt")
    assert "config/c.defalt.yaml: no such file; looked at " in str(caught.value)
    assert "did you mean 'c.default.yaml'?" in str(caught.value)


async def test_a_missing_directory_is_reported_with_its_absolute_path(face, base):
    with pytest.raises(ConfigError, match=r"^confg: no such directory; looked at "):
        face.factory.from_config("confg")


async def test_a_missing_variable_is_reported_with_file_and_path(face, base):
    (base / "config" / "c.prod.yaml").write_text("etcd: {client: {namespace: '${oc.env:NOWHERE_SET}'}}")
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config()
    (fault,) = caught.value.faults
    assert (fault.file, fault.path) == ("config/c.prod.yaml", "etcd.client.namespace")
    assert fault.message.startswith("environment variable NOWHERE_SET is not set")


# --- names


async def test_an_unknown_client_is_an_error_that_lists_the_names(factory):
    error = await error_of(lambda: factory.get("defualt"))
    assert isinstance(error, InstanceNotFoundError)
    assert isinstance(error, KeyError)
    assert str(error) == "no etcd client named 'defualt'; did you mean 'default'?; the clients are: default"


async def test_an_existing_client_is_an_error_that_says_what_to_do(factory, etcd):
    error = await error_of(lambda: factory.create_instance({"timeout": 1}, "default"))
    assert isinstance(error, InstanceExistsError)
    assert "pass on_exists='return' to use it or on_exists='replace'" in str(error)
    assert factory.get() is etcd


# --- keys and values


async def test_a_key_that_is_not_utf8_is_an_error_when_read_as_text(etcd):
    await settle(etcd.put(b"\xffkey").value("v"))
    error = await error_of(lambda: etcd.get_all().keys())
    assert isinstance(error, UnicodeDecodeError)
    assert "b'\\xffkey' is not UTF-8; read it as bytes" in str(error)
    assert await settle(etcd.get_all().key_bytes()) == [b"\xffkey"]


async def test_a_value_that_is_not_utf8_is_an_error_that_names_its_key(etcd):
    await settle(etcd.put("k").value(b"\xff"))
    error = await error_of(lambda: etcd.get("k").string())
    assert isinstance(error, UnicodeDecodeError)
    assert "the value of b'k' is not UTF-8" in str(error)


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, object()], ids=lambda value: type(value).__name__)
async def test_a_value_of_the_wrong_type_is_refused_unsent(etcd, value):
    await settle(etcd.put("k").value("before"))
    with pytest.raises(TypeError, match=type(value).__name__):
        await settle(etcd.put("k").value(value))
    assert await settle(etcd.get("k").string()) == "before"


@pytest.mark.parametrize("key", [None, 5, 1.5, ["k"]], ids=repr)
async def test_a_key_of_the_wrong_type_is_refused(etcd, key):
    for begin in (etcd.get, etcd.put, etcd.get_all().prefix):
        with pytest.raises(TypeError, match=type(key).__name__):
            begin(key)
    with pytest.raises(TypeError, match=type(key).__name__):
        await settle(etcd.delete().key(key))


# --- servers


async def test_a_missing_server_is_an_error_within_the_dial_timeout(make):
    host = f"127.0.0.1:{free_ports(1)[0]}"
    etcd = make(hosts=host, dial_timeout=0.5)
    started = time.monotonic()
    error = await error_of(lambda: etcd.put("k").value("v"))
    assert time.monotonic() - started < 0.5 + SLACK
    assert isinstance(error, ConnectionFailedError)
    assert (error.code, error.endpoint, error.maybe_applied) == ("UNAVAILABLE", host, False)
    assert str(error).startswith("put ")
    assert host in str(error)
    assert "is etcd running there, and is the host right?" in str(error)


@pytest.fixture
def mute():
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def test_a_server_that_never_answers_is_an_error_within_the_timeout(make, mute):
    etcd = make(hosts=mute, timeout=0.5, dial_timeout=0.25)
    started = time.monotonic()
    error = await error_of(lambda: etcd.get("k").string())
    assert time.monotonic() - started < 0.5 + SLACK
    assert isinstance(error, ConnectionFailedError | DeadlineExceededError)
    assert mute in str(error)


async def test_a_paused_server_is_an_error_within_the_timeout(make, stopped_server):
    etcd = make(hosts=stopped_server.endpoint, namespace="")
    await settle(etcd.get("k").exists())  # opens the connection
    stopped_server.pause()
    started = time.monotonic()
    error = await error_of(lambda: etcd.with_options(timeout=0.5).put("k").value("v"))
    took = time.monotonic() - started
    stopped_server.resume()
    assert took < 0.5 + SLACK
    assert isinstance(error, DeadlineExceededError)
    assert isinstance(error, TimeoutError)
    assert error.maybe_applied
    assert "with_options(timeout=...)" in str(error)


@pytest.fixture(scope="module")
def stopped_server():
    """A server for this module only, to be paused."""
    with EtcdServer() as server:
        yield server


@pytest.fixture(scope="module")
def guarded():
    """A server with authentication switched on."""
    with EtcdServer() as server:
        server.etcdctl("user", "add", "root:right")
        server.etcdctl("user", "grant-role", "root", "root")
        server.etcdctl("auth", "enable")
        yield server


async def test_a_wrong_password_is_an_error_that_does_not_show_it(make, guarded):
    etcd = make(hosts=guarded.endpoint, auth={"username": "root", "password": "hunter2"})
    error = await error_of(lambda: etcd.put("k").value("v"))
    assert isinstance(error, AuthenticationFailedError)
    assert "authenticate as 'root'" in str(error)
    assert guarded.endpoint in str(error)
    assert "check auth.username and auth.password of this client" in str(error)
    assert "hunter2" not in f"{error} {error!r}"
    assert await settle(make(hosts=guarded.endpoint, auth=RIGHT).get("k").string()) is None


RIGHT = {"username": "root", "password": "right"}


async def test_a_missing_password_is_an_error(make, guarded):
    error = await error_of(lambda: make(hosts=guarded.endpoint).get("k").string())
    assert isinstance(error, EtcdError)
    assert isinstance(error, InvalidAuthTokenError | AuthenticationFailedError)
    assert "auth" in str(error)


async def test_the_right_password_works_from_functions_too(make, guarded):
    auth = {"username": lambda: "root", "password": lambda: "right"}
    etcd = make(hosts=guarded.endpoint, auth=auth)
    await settle(etcd.put("other").value("v"))
    assert await settle(etcd.get("other").string()) == "v"


async def test_an_https_host_is_never_tried_in_plaintext(make, etcd_server):
    etcd = make(hosts=f"https://{etcd_server.endpoint}", dial_timeout=0.5, timeout=1)
    error = await error_of(lambda: etcd.get("k").string())
    assert isinstance(error, ConnectionFailedError)


# --- closed


async def test_a_closed_client_raises_an_error(client):
    await settle(client.put("k").value("v"))
    await closed(client)
    await closed(client)
    for call in (client.get("k").string, lambda: client.put("k").value("w"), client.delete().all):
        error = await error_of(call)
        assert type(error) is ClientClosedError
        assert str(error) == "this etcd client is closed; create a new one"


async def test_a_closed_client_changes_nothing(make):
    one, other = make(), make()
    await settle(one.put("k").value("v"))
    await closed(one)
    assert isinstance(await error_of(lambda: one.delete().all()), ClientClosedError)
    assert await settle(other.get("k").string()) == "v"


@pytest.mark.parametrize(
    "error", [ConfigError, InstanceNotFoundError, InstanceExistsError, ClientClosedError, EtcdError]
)
def test_every_error_has_one_root(error):
    assert issubclass(error, EtcdFactoryError)


def test_an_invalid_value_of_any_option_names_it():
    for name in (field.name for field in ClientOptions.__attrs_attrs__):
        with pytest.raises(ConfigError, match=re.escape(name)):
            ClientOptions.of({name: object()})
