from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest
from omegaconf import OmegaConf

from etcd_factory import TLS, AsyncETCDService, Auth, ClientOptions, ConfigError, ETCDService, Keepalive, Retry
from tests.support.pems import CERT, KEY, PRIVATE

HTTPS = {"hosts": "https://a:1"}


class Custom(ETCDService):
    pass


def password():
    return "hunter2"


def test_the_defaults_are_the_documented_ones():
    options = ClientOptions.of()
    assert (options.hosts, options.namespace) == (("http://127.0.0.1:2379",), "")
    assert (options.auth, options.tls, options.client_class) == (None, None, None)
    assert (options.timeout, options.dial_timeout, options.batching) == (5, 2, False)
    assert options.retry == Retry(attempts=10, initial=0.025, maximum=1)
    assert options.keepalive == Keepalive(time=10, timeout=5)
    assert options.grpc_options == {}
    assert not options.secure


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"hosts": "a:1"}, "hosts", ("http://a:1",)),
        ({"host": "a:1"}, "hosts", ("http://a:1",)),
        ({"host": ["a:1", "b:2"]}, "hosts", ("http://a:1", "http://b:2")),
        ({"hosts": ["a:1", "b:2"]}, "hosts", ("http://a:1", "http://b:2")),
        ({"auth": {"username": "u", "password": "p"}}, "auth", Auth("u", "p")),
        ({"auth": Auth("u", "p")}, "auth", Auth("u", "p")),
        ({"auth": {"token": "t.1"}}, "auth", Auth(token="t.1")),
        ({"auth": {"token": password}}, "auth", Auth(token=password)),
        ({"auth": {"username": None, "password": None, "token": "t"}}, "auth", Auth(token="t")),
        ({"tls": {"ca": CERT}, **HTTPS}, "tls", TLS(ca=CERT)),
        ({"credentials": {"ca": CERT}, **HTTPS}, "tls", TLS(ca=CERT)),
        ({"tls": {"cert": CERT, "key": KEY}, **HTTPS}, "tls", TLS(cert=CERT, key=KEY)),
        ({"tls": {"server_name": "etcd"}, **HTTPS}, "tls", TLS(server_name="etcd")),
        ({"tls": {"serverName": "etcd"}, **HTTPS}, "tls", TLS(server_name="etcd")),
        ({"namespace": "a/"}, "namespace", "a/"),
        ({"namespace": b"\xff"}, "namespace", b"\xff"),
        ({"timeout": 1}, "timeout", 1),
        ({"dial_timeout": 0.5}, "dial_timeout", 0.5),
        ({"dialTimeout": 0.5}, "dial_timeout", 0.5),
        ({"retry": {"attempts": 1}}, "retry", Retry(attempts=1)),
        ({"retry": {"initial": 0.1, "maximum": 2}}, "retry", Retry(initial=0.1, maximum=2)),
        ({"retry": Retry(attempts=3)}, "retry", Retry(attempts=3)),
        ({"keepalive": {"time": 1}}, "keepalive", Keepalive(time=1)),
        ({"keepalive": {"timeout": 1}}, "keepalive", Keepalive(timeout=1)),
        ({"transport": "grpc", "grpc_options": {"grpc.x": 1}}, "grpc_options", {"grpc.x": 1}),
        ({"transport": "grpc", "grpcOptions": {"grpc.dialTimeout": 1}}, "grpc_options", {"grpc.dialTimeout": 1}),
        ({"batching": False}, "batching", False),
        ({"batching": "reads"}, "batching", "reads"),
        ({"batching": None}, "batching", False),
        ({"client_class": Custom}, "client_class", Custom),
        ({"clientClass": Custom}, "client_class", Custom),
        ({"customClientClass": Custom}, "client_class", Custom),
        ({"custom_client_class": Custom}, "client_class", Custom),
        ({"client_class": "etcd_factory:AsyncETCDService"}, "client_class", AsyncETCDService),
    ],
)
def test_each_option_is_accepted_under_each_of_its_names(given, name, value):
    assert getattr(ClientOptions.of(given), name) == value


def test_an_omegaconf_tree_is_accepted_as_a_mapping():
    tree = OmegaConf.create(
        {"hosts": ["a:1"], "retry": {"attempts": 2}, "grpc_options": {"grpc.x": "${timeout}"}, "transport": "grpc"}
    )
    tree.timeout = 3
    options = ClientOptions.of(tree)
    assert (options.hosts, options.retry.attempts, options.grpc_options) == (("http://a:1",), 2, {"grpc.x": 3})


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(ClientOptions)])
def test_null_means_the_default(name):
    assert ClientOptions.of({name: None}) == ClientOptions()


@pytest.mark.parametrize("outer", ["retry", "keepalive"])
def test_null_means_the_default_in_a_group_too(outer):
    inner = {field.name: None for field in attrs.fields({"retry": Retry, "keepalive": Keepalive}[outer])}
    assert ClientOptions.of({outer: inner}) == ClientOptions()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"hosts": []}, "hosts: expected at least one host, got an empty list"),
        ({"host": ["http://a", "https://b"]}, "host: http and https hosts are mixed"),
        ({"hosts": 2379}, "hosts: expected a host or a list of hosts, got int"),
        ({"auth": "root"}, "auth: expected a mapping, got str"),
        ({"auth": {"username": "u"}}, "auth: username is set without password; set both or neither"),
        ({"auth": {"password": "p"}}, "auth: password is set without username; set both or neither"),
        (
            {"auth": {"username": "u", "password": 1234}},
            "auth.password: expected text, got int; write it in quotes",
        ),
        (
            {"auth": {"username": "u", "password": "p", "token": "t"}},
            "auth: token cannot be combined with username and password; set one or the other",
        ),
        (
            {"auth": {"username": "u", "token": "t"}},
            "auth: token cannot be combined with username; set one or the other",
        ),
        (
            {"auth": {"password": "u", "token": password}},
            "auth: token cannot be combined with password; set one or the other",
        ),
        ({"auth": {"token": 1234}}, "auth.token: expected text, got int; write it in quotes"),
        ({"auth": {"token": ""}}, "auth.token: expected text, got an empty string"),
        ({"auth": {"token": "t\n"}}, "auth.token: expected printable ASCII without surrounding space"),
        ({"auth": {"token": " t"}}, "auth.token: expected printable ASCII without surrounding space"),
        ({"auth": {"token": "a\tb"}}, "auth.token: expected printable ASCII without surrounding space"),
        ({"auth": {"token": "\u00e4"}}, "auth.token: expected printable ASCII without surrounding space"),
        ({"auth": {"tokn": "t"}}, "auth.tokn: unknown option; did you mean 'token'?"),
        ({"token": "t"}, "token: unknown option; write auth: {token: ...}"),
        ({"auth": {"username": True, "password": "p"}}, "auth.username: expected text, got bool; write it in quotes"),
        ({"tls": True, **HTTPS}, "tls: expected a mapping, got bool"),
        ({"tls": {"cert": CERT}, **HTTPS}, "tls: cert is set without key; set both or neither"),
        ({"tls": {"key": KEY}, **HTTPS}, "tls: key is set without cert; set both or neither"),
        ({"tls": {"ca": "no.pem"}, **HTTPS}, "tls.ca: expected PEM text or a file path; no such file: no.pem"),
        ({"tls": {"server_name": 1}, **HTTPS}, "tls.server_name: expected text, got int; write it in quotes"),
        ({"tls": {"ca": CERT}}, "tls is set, but the host http://127.0.0.1:2379 does not use TLS; write https://"),
        ({"credentials": {}, "host": "a"}, "tls is set, but the host http://a:2379 does not use TLS; write https://"),
        ({"tls": {}, "host": "unix:///a"}, "tls is set, but the host unix:///a does not use TLS; write https://"),
        ({"namespace": 5}, "namespace: expected text or bytes, got int"),
        ({"timeout": "5"}, "timeout: expected a number of seconds, or a duration like '5s' or '500ms', got '5'"),
        ({"timeout": True}, "timeout: expected a number of seconds, or a duration like '5s' or '500ms', got bool"),
        ({"timeout": 0}, "timeout: expected a number of seconds above 0, got 0"),
        ({"dialTimeout": -1}, "dialTimeout: expected a number of seconds above 0, got -1"),
        ({"dial_timeout": float("inf")}, "dial_timeout: expected a number of seconds above 0, got inf"),
        ({"retry": 3}, "retry: expected a mapping, got int"),
        ({"retry": {"attempts": 0}}, "retry.attempts: expected a whole number above 0, got 0"),
        ({"retry": {"attempts": True}}, "retry.attempts: expected a whole number, got bool"),
        ({"retry": {"initial": 0}}, "retry.initial: expected a number of seconds above 0, got 0"),
        ({"retry": {"maximum": -1}}, "retry.maximum: expected a number of seconds above 0, got -1"),
        ({"retry": {"initial": 2}}, "retry: initial exceeds maximum"),
        ({"keepalive": []}, "keepalive: expected a mapping, got list"),
        (
            {"keepalive": {"time": "1"}},
            "keepalive.time: expected a number of seconds, or a duration like '5s' or '500ms', got '1'",
        ),
        ({"keepalive": {"timeout": 0}}, "keepalive.timeout: expected a number of seconds above 0, got 0"),
        ({"grpc_options": ["a"]}, "grpc_options: expected a mapping, got list"),
        ({"grpc_options": {1: 2}}, "grpc_options: expected names as keys, got int 1"),
        ({"batching": True}, "batching: expected false, reads or all, got bool"),
        ({"client_class": 5}, "client_class: expected a class or its import path, got int"),
        ({"customClientClass": "no:No"}, "customClientClass: cannot import 'no:No'"),
        ({"client_class": "os:sep"}, "client_class: expected the import path of a class, got str"),
        ({"hots": "a"}, "hots: unknown option; did you mean 'hosts'?"),
        ({"dialTimout": 1}, "dialTimout: unknown option; did you mean 'dial_timeout'?"),
        ({"zzz": 1}, "zzz: unknown option"),
        ({"auth": {"usernam": "u"}}, "auth.usernam: unknown option; did you mean 'username'?"),
        ({"tls": {"caa": "u"}, **HTTPS}, "tls.caa: unknown option; did you mean 'ca'?"),
        ({"retry": {"attempt": 1}}, "retry.attempt: unknown option; did you mean 'attempts'?"),
        ({"keepalive": {"timout": 1}}, "keepalive.timout: unknown option; did you mean 'timeout'?"),
        ({"host": "a", "hosts": "b"}, "hosts: set twice, under two spellings of 'hosts'; keep one"),
        ({"dial_timeout": 1, "dialTimeout": 1}, "dialTimeout: set twice, under two spellings of 'dial_timeout'"),
        ({"tls": {}, "credentials": {}, **HTTPS}, "credentials: set twice, under two spellings of 'tls'; keep one"),
    ],
)
def test_an_invalid_option_is_one_fault_with_its_path_and_what_was_expected(faults, given, fault):
    (found,) = faults(ClientOptions.of, given)
    assert found.startswith(fault)


@pytest.mark.parametrize("given", ["a:1", 5, ["a"], True], ids=repr)
def test_options_must_be_a_mapping(faults, given):
    (fault,) = faults(ClientOptions.of, given)
    assert fault.startswith(f"expected a mapping, got {type(given).__name__}")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("h:2379", 'expected a mapping, got str; write {"hosts": "h:2379"}'),
        (["h:2379"], 'expected a mapping, got list; write {"hosts": "host:port"}'),
        ("hunter2", 'expected a mapping, got str; write {"hosts": "host:port"}'),
        ("http://u:hunter2@h", 'expected a mapping, got str; write {"hosts": "host:port"}'),
        (5, "expected a mapping, got int"),
    ],
)
def test_a_host_in_place_of_the_options_is_an_error_that_says_what_to_write(faults, given, fault):
    assert faults(ClientOptions.of, given) == [fault]


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"endpoints": ["a:1"]}, "endpoints: unknown option; write hosts: [host:port, ...]"),
        ({"port": 2379}, "port: unknown option; write hosts: [host:port, ...]"),
        ({"retries": 3}, "retries: unknown option; write retry: {attempts: ...}"),
        ({"connectTimeout": 3}, "connectTimeout: unknown option; write dial_timeout: ..."),
        ({"defaultCallOptions": {}}, "defaultCallOptions: unknown option; write timeout: ..."),
        ({"faultHandling": {}}, "faultHandling: unknown option; write retry: {attempts: ..., initial: ..., "),
        ({"ca_cert": "x"}, "ca_cert: unknown option; write tls: {ca: ..., cert: ..., key: ..., server_name: ...}"),
        ({"cert_key": "x"}, "cert_key: unknown option; write tls: {ca: ..., cert: ..., key: ..., "),
        ({"tls": {"cert_key": "x"}, **HTTPS}, "tls.cert_key: unknown option; write key: ..."),
        ({"prefix": "x/"}, "prefix: unknown option; write namespace: ..."),
        ({"use_tls": True}, "use_tls: unknown option; write https:// before each of the hosts"),
        (
            {"verify": False},
            "verify: unknown option; the server is always verified; set ca to the certificate of its CA",
        ),
        ({"tls": {"verify": False}, **HTTPS}, "tls.verify: unknown option; the server is always verified; set ca to"),
        (
            {"tls": {"insecureSkipVerify": True}, **HTTPS},
            "tls.insecureSkipVerify: unknown option; the server is always",
        ),
        (
            {"tls": {"rejectUnauthorized": False}, **HTTPS},
            "tls.rejectUnauthorized: unknown option; the server is always",
        ),
        (
            {"credentials": {"rootCertificate": "x"}, **HTTPS},
            "credentials.rootCertificate: unknown option; write ca: ...",
        ),
        ({"tls": {"keyfile": "x"}, **HTTPS}, "tls.keyfile: unknown option; write key: ..."),
        ({"auth": {"user": "x"}}, "auth.user: unknown option; write username: ..."),
        ({"auth": {"password_file": "x"}}, "auth.password_file: unknown option; write password: {file: ...}"),
    ],
)
def test_a_name_that_others_use_is_an_error_that_says_what_to_write(faults, given, advice):
    (fault, *_) = faults(ClientOptions.of, given)
    assert fault.startswith(advice)


def test_all_faults_are_reported_at_once(faults):
    given = {"hots": 1, "timeout": "5", "auth": {"username": "u", "passwrd": 1}, "retry": {"attempts": 0}}
    assert faults(ClientOptions.of, given) == [
        "hots: unknown option; did you mean 'hosts'?",
        "timeout: expected a number of seconds, or a duration like '5s' or '500ms', got '5'",
        "auth.passwrd: unknown option; did you mean 'password'?",
        "auth: username is set without password; set both or neither",
        "retry.attempts: expected a whole number above 0, got 0",
    ]


def test_an_invalid_option_skips_the_rules_that_read_it(faults):
    assert len(faults(ClientOptions.of, {"hosts": [], "tls": {"ca": CERT}})) == 1
    assert len(faults(ClientOptions.of, {"auth": {"username": "u", "password": 5}})) == 1


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (
            {"tls": {"cert": "no.pem"}, **HTTPS},
            [
                "tls.cert: expected PEM text or a file path; no such file: no.pem",
                "tls: cert is set without key; set both or neither",
            ],
        ),
        (
            {"auth": {"password": 5}},
            [
                "auth.password: expected text, got int; write it in quotes",
                "auth: password is set without username; set both or neither",
            ],
        ),
        (
            {"tls": {"ca": "no.pem"}},
            [
                "tls.ca: expected PEM text or a file path; no such file: no.pem",
                "tls is set, but the host http://127.0.0.1:2379 does not use TLS; write https://",
            ],
        ),
        (
            {"auth": {"username": "u", "password": "p", "token": 5}},
            [
                "auth.token: expected text, got int; write it in quotes",
                "auth: token cannot be combined with username and password; set one or the other "
                "(null removes a value of a lower layer)",
            ],
        ),
    ],
)
def test_all_faults_of_a_group_are_reported_together(faults, given, found):
    assert faults(ClientOptions.of, given) == found


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: ClientOptions(timeout="5"), "timeout"),
        (lambda: ClientOptions(hosts=[]), "hosts"),
        (lambda: ClientOptions(retry={"attempts": 0}), "retry.attempts"),
    ],
)
def test_an_instance_is_checked_like_a_mapping_and_its_error_names_the_option(faults, make, name):
    (fault,) = faults(make)
    assert fault.startswith(f"{name}: ")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ClientOptions(tls=TLS(ca=CERT)),
        lambda: ClientOptions(hosts=["http://a", "https://b"]),
        lambda: attrs.evolve(ClientOptions.of({"tls": {}, **HTTPS}), hosts="http://a"),
    ],
)
def test_an_instance_is_checked_for_contradicting_options(make):
    with pytest.raises(ConfigError):
        make()


def test_https_without_a_ca_is_secure():
    assert ClientOptions.of(HTTPS).secure
    assert ClientOptions.of(HTTPS).tls is None


def test_username_and_password_may_be_functions():
    auth = ClientOptions.of({"auth": {"username": password, "password": password}}).auth
    assert (auth.username, auth.password) == (password, password)


def test_options_from_options_are_the_same_object():
    options = ClientOptions(timeout=1)
    assert ClientOptions.of(options) is options


def test_options_are_equal_however_they_were_written():
    one = ClientOptions.of({"host": "a", "dialTimeout": 2, "retry": None})
    assert one == ClientOptions(hosts=["http://a:2379"], dial_timeout=2.0)
    assert one != ClientOptions(hosts=["http://b:2379"])


def test_options_cannot_be_changed():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ClientOptions().timeout = 1


def test_the_input_is_neither_changed_nor_shared():
    given = {"transport": "grpc", "hosts": ["a:1"], "grpc_options": {"grpc.x": 1}, "retry": {"attempts": 2}}
    options = ClientOptions.of(given)
    given["grpc_options"]["grpc.x"] = 2
    given["hosts"].append("b:1")
    assert (options.grpc_options, options.hosts) == ({"grpc.x": 1}, ("http://a:1",))


def test_the_grpc_options_cannot_be_changed_either():
    options = ClientOptions(transport="grpc", grpc_options={"grpc.x": 1})
    with pytest.raises(TypeError):
        options.grpc_options["grpc.x"] = 2


def test_no_secret_is_in_the_repr_of_the_options():
    options = ClientOptions.of(
        {"auth": {"username": "root", "password": "hunter2"}, "tls": {"cert": CERT, "key": KEY}, **HTTPS}
    )
    for shown in (options, options.auth, options.tls):
        assert "hunter2" not in f"{shown!r} {shown} {SimpleNamespace(it=shown)}"
        assert PRIVATE not in f"{shown!r} {shown}"
    assert "password=***" in repr(options)
    assert "root" in repr(options)


def test_no_token_is_in_the_repr_of_the_options():
    options = ClientOptions.of({"auth": {"token": "hunter2"}})
    for shown in (options, options.auth):
        assert "hunter2" not in f"{shown!r} {shown} {SimpleNamespace(it=shown)}"
    assert "token=***" in repr(options)


@pytest.mark.parametrize(
    "given",
    [
        {"auth": {"username": "u", "password": ["hunter2"]}},
        {"auth": {"username": "u", "password": {"hunter2": 1}}},
        {"auth": {"password": "hunter2"}},
        {"auth": {"token": "hunter2\n"}},
        {"auth": {"token": ["hunter2"]}},
        {"auth": {"username": "u", "password": "p", "token": "hunter2"}},
        {"token": "hunter2"},
        {"auth": {"username": "u", "passwrd": "hunter2"}},
        {"tls": {"key": KEY}, **HTTPS},
        {"tls": {"key": KEY, "cert": CERT}, "hosts": "http://a"},
        {"hosts": "http://u:hunter2@a"},
        {"auth": "hunter2"},
        {"tls": {"key": KEY, "cert": KEY}, **HTTPS},
        {"tls": {"key": "".join(KEY.splitlines()[1:-1]), "cert": CERT}, **HTTPS},
        {"tls": {"key": "\n".join(KEY.splitlines()[1:-1]), "cert": CERT}, **HTTPS},
    ],
)
def test_no_secret_is_in_an_error(given):
    with pytest.raises(ConfigError) as caught:
        ClientOptions.of(given)
    shown = f"{caught.value!r} {caught.value} {caught.value.faults}"
    assert "hunter2" not in shown
    assert PRIVATE not in shown
