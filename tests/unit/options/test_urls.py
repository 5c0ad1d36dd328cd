"""A client's options as one URL."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl, SecretStr

from etcd_factory import AsyncETCDService, ClientOptions, ETCDService, ETCDServiceFactory
from etcd_factory.errors import ConfigError
from etcd_factory.options.secret import redacted
from etcd_factory.options.urls import is_url, unfolded, url_options

AUTH = {"username": "user", "password": "pass"}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("etcd://h", {"hosts": "h"}),
        ("etcds://h", {"hosts": "https://h"}),
        (" ETCD://h:1 ", {"hosts": "h:1"}),
        ("etcd://[::1]:7,h:8/", {"hosts": ["[::1]:7", "h:8"]}),
        (
            "etcd://user:pass@h1:2379,h2:2379/namespace?timeout=5",
            {"hosts": ["h1:2379", "h2:2379"], "auth": AUTH, "namespace": "namespace", "timeout": 5},
        ),
        ("etcd://h/a/b/", {"hosts": "h", "namespace": "a/b/"}),
        ("etcd://h//a%20b", {"hosts": "h", "namespace": "/a b"}),
        ("etcd://h?timeout=500ms&dialTimeout=1", {"hosts": "h", "timeout": 0.5, "dial_timeout": 1}),
        ("etcd://h?retry.attempts=3&retry.initial=0.1", {"hosts": "h", "retry": {"attempts": 3, "initial": 0.1}}),
        ("etcd://h?share=false&batching=reads&sync=&", {"hosts": "h", "share": False, "batching": "reads"}),
        ("etcd://h?auth.token=abc", {"hosts": "h", "auth": {"token": "abc"}}),
        ("etcd://user:pass@h?auth.timeout=2", {"hosts": "h", "auth": {**AUTH, "timeout": 2}}),
        ("etcds://h?tls.server_name=x+y", {"hosts": "https://h", "tls": {"server_name": "x+y"}}),
        ("etcd://user:p%40%2F%3F%23%25%3A@h", {"hosts": "h", "auth": {**AUTH, "password": "p@/?#%:"}}),
        ("etcd://user:p@ss@h", {"hosts": "h", "auth": {**AUTH, "password": "p@ss"}}),
        ("etcd://user:pa:ss@h", {"hosts": "h", "auth": {**AUTH, "password": "pa:ss"}}),
    ],
)
def test_a_url_is_the_same_as_its_options(url, options):
    assert ClientOptions.of(url) == ClientOptions.of(options)


def test_the_password_of_a_url_may_be_in_a_file(tmp_path):
    (tmp_path / "pw").write_text("hunter2\n")
    options = ClientOptions.of(f"etcd://user@h?auth.password.file={tmp_path}/pw")
    assert options == ClientOptions.of(
        {"hosts": "h", "auth": {"username": "user", "password": {"file": str(tmp_path / "pw")}}}
    )
    assert options.auth.password() == "hunter2"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("etcd://", "host 1 of the URL is not host:port"),
        ("etcd://h,", "host 2 of the URL is not host:port"),
        ("etcd://user:hunter2", "host 1 of the URL is not host:port"),
        ("etcd://http://h", "host 1 of the URL is not host:port"),
        ("etcd://user:hun/ter2@h", "the part before @ is not user:password; write @ / ? # % in it as %40"),
        ("etcd://user:hun?ter2@h", "the part before @ is not user:password"),
        ("etcd://user:hun#ter2@h", "the part before @ is not user:password"),
        ("etcd://user:hunter2%@h", "the password of the URL has a % that quotes nothing"),
        ("etcd://user:hunter2%ff@h", "the password of the URL is not UTF-8"),
        ("etcd://user:hun ter2@h", "a URL has no spaces"),
        ("etcd://user:hun\nter2@h", "a URL has no spaces"),
        ("etcd://user:hunter2@h/#x", "a URL of a client has no fragment"),
        ("etcd://user:hunter2@h?timeout", "option 1 of the URL's query is not name=value"),
        ("etcd://user:hunter2@h?timeout=1&timeout=2", "an option is twice"),
        ("etcd://user:hunter2@h?auth.password=x", "auth.password cannot be set beside user:password@"),
        ("etcd://user:hunter2@h?auth.token=x", "auth.token cannot be set beside user:password@"),
        ("etcd://h?auth=hunter2&auth.token=hunter2", "an option and a part of it"),
        ("etcd://h?a.b.c.d=1", "a name in the URL's query is not that of an option"),
        ("etcd://h?.=1", "a name in the URL's query is not that of an option"),
        ("etcd://h?hosts=a", "hosts cannot be in the query of a URL"),
        ("etcd://h?client_class=os:PathLike", "client_class cannot be in the query of a URL"),
        ("etcd://h?grpc_options.a=1", "grpc_options cannot be in the query of a URL"),
        ("etcd://h?namespace=a", "namespace cannot be in the query of a URL: the namespace is the path"),
        ("etcd://:hunter2@h", "auth: password is set without username"),
        ("etcd://user@h", "auth: username is set without password"),
        ("etcd://user:@h", "auth.password: expected text, got an empty string"),
        ("etcd://h?timeout=hunter", "timeout: expected a number of seconds"),
        ("etcd://h?hots=a", "hots: unknown option; did you mean 'hosts'?"),
        ("etcd://h?tls.server_name=a", "tls is set, but the host http://h:2379 does not use TLS"),
    ],
)
def test_a_wrong_url_is_an_error_that_does_not_show_the_password(faults, url, fault):
    (found,) = faults(ClientOptions.of, url)
    assert found.startswith(fault)
    assert not any(part in found for part in ("hunter2", "ter2", "hun/"))


# with an end that no word of ours has: a generated secret may be one
SECRET = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=8, max_size=12).map(
    "{}zq7".format
)


@given(SECRET, st.sampled_from(["etcd://u:{}@h", "etcd://u:{}", "etcds://h?auth.token={}", "etcd://u:{}@h?timeout=x"]))
def test_no_error_shows_the_secret_of_a_url(secret, form):
    with suppress(ConfigError):
        assert secret not in repr(ClientOptions.of(form.format(secret)))
        return
    with pytest.raises(ConfigError) as caught:
        ClientOptions.of(form.format(secret))
    assert secret not in str(caught.value)


@given(st.text(min_size=1).filter(lambda text: text != "???"))
def test_any_password_can_be_written(text):
    quoted = "".join(f"%{byte:02x}" for byte in text.encode())
    assert url_options(f"etcd://user:{quoted}@h")["auth"]["password"] == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("etcd://u:hunter2@h/ns", "etcd://u:***@h/ns"),
        ("etcd://h?a=1&auth.token=hunter2&b=2", "etcd://h?a=1&auth.token=***&b=2"),
        ("etcd://h?auth.password=hunter2", "etcd://h?auth.password=***"),
    ],
)
def test_a_url_is_shown_without_its_secret(text, shown):
    assert redacted(text) == shown


@pytest.mark.parametrize(("value", "expected"), [("etcd://h", True), ("http://h", False), ("", False), (5, False)])
def test_a_url_is_known_by_its_scheme(value, expected):
    assert is_url(value) is expected


@pytest.mark.parametrize("value", ["a:1", 5, None, ["etcd://h"]])
def test_what_stands_for_no_mapping_is_unchanged(value):
    assert unfolded(value) is value


def test_other_text_is_no_url(faults):
    (fault,) = faults(ETCDService.from_url, "http://u:hunter2@h")
    assert fault.startswith("expected the URL of a client; write etcd://user:password@host:port")
    assert "hunter2" not in fault


URL = "etcd://user:hunter2@h:1/ns?timeout=3"
FORMS = {"text": URL, "SecretStr": SecretStr(URL), "AnyUrl": AnyUrl(URL)}
TAKEN = {
    "ETCDService": lambda url: ETCDService(url),
    "AsyncETCDService": lambda url: AsyncETCDService(url),
    "from_url": lambda url: ETCDService.from_url(url),
    "asyncio from_url": lambda url: AsyncETCDService.from_url(url),
    "factory": lambda url: ETCDServiceFactory(url).get(),
    "client": lambda url: ETCDServiceFactory({"client": url}).get(),
    "clients": lambda url: ETCDServiceFactory({"clients": {"a": url}}).get("a"),
    "default": lambda url: ETCDServiceFactory({"default": url, "client": {}}).get(),
    "create_instance": lambda url: ETCDServiceFactory().create_instance(url, "a"),
    "a configuration": lambda url: ETCDServiceFactory.from_config({"etcd": {"clients": {"a": url}}}).get("a"),
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("url", FORMS.values(), ids=FORMS)
def test_a_url_is_taken_wherever_options_are(take, url):
    options = take(url).options
    assert options == ClientOptions.of({"hosts": "h:1", "auth": {"username": "user", "password": "hunter2"}} | OTHERS)


OTHERS = {"namespace": "ns", "timeout": 3}


def test_a_url_of_a_subclass_makes_an_instance_of_it():
    class Mine(ETCDService): ...

    assert type(Mine.from_url("etcd://h")) is Mine
