"""URLs of clients in a configuration: they merge, and are referred to, as the options that they stand for."""

from __future__ import annotations

import pytest

from etcd_factory import ETCDServiceFactory, explain_config, load_config
from etcd_factory.config.client_urls import is_client, may_be_url

URL = "etcd://user:hunter2@h1:1,h2:2/ns?timeout=500ms&retry.attempts=3"
AUTH = {"username": "user", "password": "hunter2"}
HOSTS = ["http://h1:1", "http://h2:2"]


def client(*sources, name="default"):
    """The options of one client of a configuration."""
    return ETCDServiceFactory.from_config(*sources).get(name).options


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("etcd", "client"), True),
        (("etcd", "default"), True),
        (("etcd", "clients", "a"), True),
        (("etcd", "clients"), False),
        (("etcd", "client", "hosts"), False),
        (("etcd", "clients", "a", "client"), False),
        (("etcd",), False),
        (("client",), False),
        ((), False),
    ],
)
def test_the_options_of_one_client_are_at_these_places(path, expected):
    assert is_client(path, ("etcd",)) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("etcd://h", True), ("${oc.env:A}", True), ("a:1", False), (None, False), ({"a": "etcd://h"}, False)],
)
def test_a_url_may_be_what_is_resolved_to_one(value, expected):
    assert may_be_url(value) is expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", f"etcd: {{client: '{URL}'}}"),
        ("a.json", f'{{"etcd": {{"client": "{URL}"}}}}'),
        ("a.toml", f'etcd.client = "{URL}"'),
        ("a.py", f"etcd = {{'client': '{URL}'}}"),
    ],
)
def test_a_url_in_a_file_is_the_same_as_its_options(write, name, text):
    write(name, text)
    assert load_config(name) == {
        "etcd": {
            "client": {
                "hosts": HOSTS,
                "namespace": "ns",
                "timeout": "500ms",
                "retry": {"attempts": 3},
                "auth": AUTH,
            }
        }
    }
    assert client(name).timeout == 0.5


def test_higher_layers_override_single_options_of_a_url(write, monkeypatch):
    write("config/a.default.yaml", f"etcd: {{client: '{URL}', clients: {{a: 'etcd://a'}}}}")
    write("config/a.prod.yaml", "etcd: {client: {timeout: 2}, clients: {a: {namespace: a/}}}")
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__RETRY__ATTEMPTS", "7")
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__HOSTS__1", "h9")
    found = client("config")
    assert (found.timeout, found.retry.attempts, found.namespace) == (2, 7, "ns")
    assert found.hosts == ("http://h1:1", "http://h9:2379")
    assert (client("config", name="a").hosts, client("config", name="a").namespace) == (("http://a:2379",), "a/")


def test_a_url_replaces_all_options_of_lower_layers_but_not_the_defaults(write, monkeypatch):
    write(
        "config/a.default.yaml", "etcd: {default: {dial_timeout: 9}, client: {hosts: x, timeout: 7, auth: {token: t}}}"
    )
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT", "etcds://h/ns")
    found = client("config")
    assert (found.hosts, found.timeout, found.auth, found.dial_timeout) == (("https://h:2379",), 5, None, 9)


def test_variables_may_be_urls(monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT", URL)
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENTS__A", "etcds://a?sync=60")
    assert client({}).hosts == tuple(HOSTS)
    assert client({}, name="a").sync == 60


@pytest.mark.parametrize(
    "written",
    ["${oc.env:URL}", "etcd://user:${oc.env:PASSWORD}@h1:1,h2:2/ns?timeout=500ms&retry.attempts=3", "${urls.one}"],
)
def test_a_url_may_be_interpolated(monkeypatch, written):
    monkeypatch.setenv("URL", URL)
    monkeypatch.setenv("PASSWORD", "hunter2")
    base = {"etcd": {"client": written, "clients": {"a": {"hosts": "${etcd.client.hosts}"}, "b": "${etcd.client}"}}}
    base["urls"] = {"one": URL}
    assert client(base) == client(base, name="b") == client({"etcd": {"client": URL}})
    assert client(base, name="a").hosts == tuple(HOSTS)
    over = {"etcd": {"client": {"namespace": "over"}}}
    assert client(base, over).namespace == "over"
    assert client(base, over).hosts == tuple(HOSTS)


def test_text_of_a_url_that_looks_like_an_interpolation_is_text(monkeypatch):
    monkeypatch.setenv("PASSWORD", "${oc.env:HOME}")
    quoted = {"etcd": {"client": "etcd://u:%24%7Boc.env:HOME%7D@h?sync=%24%7Bx%7D"}}
    assert load_config(quoted).etcd.client.auth.password == "${oc.env:HOME}"
    assert load_config({"etcd": {"client": "etcd://u:${oc.env:PASSWORD}@h"}}).etcd.client.auth.password == (
        "${oc.env:HOME}"
    )


def test_the_password_of_a_url_is_not_shown():
    source = {"etcd": {"client": URL, "clients": {"a": "etcd://h?auth.token=hunter2", "b": "etcd://u:hunter2@h?x=1"}}}
    for shown in (repr(load_config(source)), str(explain_config(source))):
        assert "hunter2" not in shown
    assert explain_config(source)["etcd.client.auth.password"].value == "***"
    wrong = {"etcd": {"client": "etcd://u:hunter2@h?timeout", "clients": {"a": "etcd://h?auth.token=hunter2&x"}}}
    assert explain_config(wrong)["etcd.client"].value == "etcd://u:***@h?timeout"
    assert explain_config(wrong)["etcd.clients.a"].value == "etcd://h?auth.token=***&x"
    assert "hunter2" not in repr(load_config(wrong))


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ({"client": "etcd://u:hun/ter2@h"}, "a.py: etcd.client: the part before @ is not user:password"),
        (
            {"clients": {"a": "etcd://h?timeot=1"}},
            "a.py: etcd.clients.a.timeot: unknown option; did you mean 'timeout'?",
        ),
        (
            {"clients": {"a": "etcd://u:${oc.env:NO_SUCH}@h"}},
            "a.py: etcd.clients.a: environment variable NO_SUCH is not",
        ),
        ({"client": "${.client}"}, "a.py: etcd.client: refers to itself"),
        ({"client": "http://u:hunter2@h"}, "a.py: etcd.client: expected a mapping, got str"),
    ],
)
def test_a_wrong_url_is_a_fault_of_its_place(write, section, fault):
    write("a.py", f"etcd = {section!r}")
    with pytest.raises(ValueError, match=r"a\.py") as caught:
        ETCDServiceFactory.from_config("a.py")
    (found,) = map(str, caught.value.faults)
    assert found.startswith(fault)
    assert "hunter2" not in found
    assert "ter2" not in found


def test_a_mapping_over_a_url_that_is_not_set_is_a_fault(write, faults):
    write("a.yaml", "etcd: {client: '${oc.env:NO_SUCH}'}")
    (fault,) = faults("a.yaml", {"etcd": {"client": {"timeout": 1}}})
    assert fault.startswith("a.yaml: etcd.client: environment variable NO_SUCH is not set")


def test_a_url_is_no_source(faults):
    assert faults("etcd://u:hunter2@h") == [
        "etcd://...: a URL is the options of a client, not a source; pass {'etcd': {'client': url}}"
    ]


def test_a_url_elsewhere_is_text():
    assert load_config({"app": {"client": "etcd://h"}, "etcd": {"x": "etcd://h"}}) == {
        "app": {"client": "etcd://h"},
        "etcd": {"x": "etcd://h"},
    }
    tree = load_config({"app": "etcd://h"}, {"app": {"a": 1}})
    assert tree == {"app": {"a": 1}}
