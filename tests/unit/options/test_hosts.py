from __future__ import annotations

import pytest

from etcd_factory.errors import ConfigError
from etcd_factory.options.hosts import host, hosts, is_local, is_secure

FORM = "write host:port, http://host:port, https://host:port, [::1]:2379, unix:///path or srv://domain"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("127.0.0.1:2379", "http://127.0.0.1:2379"),
        ("etcd.example:1", "http://etcd.example:1"),
        ("etcd-1", "http://etcd-1:2379"),
        ("etcd:", "http://etcd:2379"),
        ("http://a:1", "http://a:1"),
        ("http://a:1/", "http://a:1"),
        ("https://a", "https://a:2379"),
        ("HTTPS://A:1", "https://a:1"),
        ("[::1]:2379", "http://[::1]:2379"),
        ("[::1]", "http://[::1]:2379"),
        ("https://[fd00::2]:9", "https://[fd00::2]:9"),
        ("a:65535", "http://a:65535"),
        ("unix:///run/etcd.sock", "unix:///run/etcd.sock"),
        ("unix:///run/a:1", "unix:///run/a:1"),
        ("unix:///run/a#b?c=d", "unix:///run/a%23b%3Fc=d"),
        ("unix:///run/my%20dir/a", "unix:///run/my%20dir/a"),
        ("unix:///run/my dir/a", "unix:///run/my%20dir/a"),
        ("unix:///run/100%25", "unix:///run/100%25"),
        ("unix:///run/\u00e4", "unix:///run/%C3%A4"),
        ("srv://Example.org", "srv://example.org"),
        ("srv://_etcd-client-blue._tcp.example.org", "srv://_etcd-client-blue._tcp.example.org"),
    ],
)
def test_each_form_of_a_host_becomes_a_url_with_its_port(written, url):
    assert hosts(written) == (url,)


@pytest.mark.parametrize("several", [["a:1", "b:2"], ("a:1", "b:2")], ids=["list", "tuple"])
def test_several_hosts_keep_their_order(several):
    assert hosts(several) == ("http://a:1", "http://b:2")


@pytest.mark.parametrize("written", ["unix:///run/a#b?c", "unix:///run/my%20dir/a", "unix:///run/100%25/%2523"])
def test_the_url_of_a_socket_is_read_as_itself(written):
    assert hosts(hosts(written)) == hosts(written)


def test_srv_cannot_be_combined_with_other_hosts(faults):
    (fault,) = faults(hosts, ["srv://a", "b:1"])
    assert fault == "srv:// cannot be combined with other hosts: srv://a, http://b:1"


def test_duplicate_hosts_are_dropped():
    assert hosts(["b:1", "a:1", "http://b:1"]) == ("http://b:1", "http://a:1")


def test_an_empty_list_is_an_error_that_shows_the_forms(faults):
    assert faults(hosts, []) == [f"expected at least one host, got an empty list; {FORM}"]


def test_mixing_http_and_https_is_an_error_that_shows_the_hosts(faults):
    mixed = ["http://a:1", "https://b:2", "c:3"]
    assert faults(hosts, mixed) == [
        "http and https hosts are mixed: http://a:1, https://b:2, http://c:3; use one of them for all"
    ]


def test_a_unix_socket_cannot_be_combined_with_https(faults):
    assert hosts(["unix:///a", "b:1"]) == ("unix:///a", "http://b:1")
    assert "mixed" in faults(hosts, ["unix:///a", "https://b:1"])[0]


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("ftp://a", f"unknown scheme 'ftp'; {FORM}"),
        ("htps://a", f"unknown scheme 'htps'; did you mean 'https'?; {FORM}"),
        ("::1", "write an IPv6 address in brackets: [::1]:2379"),
        ("fe80::1:2379", "write an IPv6 address in brackets"),
        ("a:99999", "'a:99999' is not a host: Port out of range 0-65535"),
        ("a:x", "'a:x' is not a host"),
        ("a:-1", "'a:-1' is not a host"),
        ("http://a:1/path", f"'http://a:1/path' is not a host; {FORM}"),
        ("a?b=1", f"'a?b=1' is not a host; {FORM}"),
        ("a#b", f"'a#b' is not a host; {FORM}"),
        ("", f"'' is not a host; {FORM}"),
        ("http://", f"'http://' is not a host; {FORM}"),
        ("a b:1", f"'a b:1' is not a host; {FORM}"),
        ("unix://relative/path", "expected unix:///absolute/path, got unix://relative/path"),
        ("unix:/path", f"is not a host; {FORM}"),
        ("unix:///run/a%2Cb", "the path of a socket cannot have a comma: /run/a,b; make a symbolic link to it"),
        ("http://[::1", "'http://[::1' is not a host"),
        ("[name]:1", "'[name]:1' is not a host"),
        ("srv://", "expected srv://domain, without a port, got srv://"),
        ("srv://a:1", "expected srv://domain, without a port, got srv://a:1"),
        ("srv://a/b", "expected srv://domain, without a port, got srv://a/b"),
    ],
)
def test_an_invalid_host_is_an_error_that_says_what_to_write(faults, written, what):
    (fault,) = faults(hosts, [written])
    assert what in fault


def test_port_zero_is_invalid(faults):
    assert "'a:0' is not a host" in faults(hosts, "a:0")[0]


@pytest.mark.parametrize("several", ["a:1,b:2", " a:1 , http://b:2,", ["a:1,b:2"], ["a:1", "b:2,a:1"]], ids=repr)
def test_several_hosts_in_one_text_are_separated_by_commas(several):
    assert hosts(several) == ("http://a:1", "http://b:2")


def test_ipv6_addresses_in_one_text_are_separated_too():
    assert hosts("[::1]:2379,[::2]") == ("http://[::1]:2379", "http://[::2]:2379")


@pytest.mark.parametrize("written", ["", ",", " , "])
def test_a_text_without_a_host_is_an_error(faults, written):
    (fault,) = faults(hosts, written)
    assert fault == f"{written!r} is not a host; {FORM}"


def test_one_host_is_not_several(faults):
    assert host("a:1") == "http://a:1"
    assert faults(host, "a:1,b:2") == ["'a:1,b:2' contains several hosts; expected one"]


@pytest.mark.parametrize(
    "written",
    [
        "http://root:hunter2@a:1",
        "https://root:hunter2@a:1",
        "root:hunter2@a:1",
        "hunter2@a",
        "ftp://root:hunter2@a",
        "unix://root:hunter2@a/b",
        "http://root:/hunter2@a:1",
        "http://root:#hunter2@a:1",
        "http://root:?hunter2@a:1",
        "http://root:hunt,er2@a:1",
        "hunter2,b:1@a:1",
    ],
)
def test_a_url_with_a_password_is_refused_and_not_shown(written):
    with pytest.raises(ConfigError) as caught:
        hosts(written)
    assert "hunter2" not in str(caught.value) + repr(caught.value)


def test_a_url_with_a_password_is_an_error_that_says_where_to_put_it(faults):
    assert faults(hosts, "http://root:hunter2@a:1") == [
        "a host cannot contain a user and password; write them as auth: {username, password}"
    ]


@pytest.mark.parametrize("value", [2379, True, 1.5, b"a:1", {"a": 1}, None], ids=repr)
def test_hosts_must_be_text_or_a_list(faults, value):
    (fault,) = faults(hosts, value)
    assert fault.startswith("expected a host or a list of hosts, got ")


@pytest.mark.parametrize("value", [2379, None, b"a:1", ["a:1"]], ids=repr)
def test_each_host_must_be_text(faults, value):
    (fault,) = faults(hosts, ["a:1", value])
    assert fault.startswith("expected a host as text, got ")


def test_only_https_is_secure():
    assert [is_secure(url) for url in ("https://a:1", "http://a:1", "unix:///a")] == [True, False, False]


@pytest.mark.parametrize("path", ["/a\0b", "/" + "x" * 107, "/" + "\u00e4" * 54])
def test_a_socket_whose_path_the_system_cannot_have_is_refused(path):
    with pytest.raises(ConfigError, match="the path of a socket has at most 107 bytes, and no NUL"):
        hosts(f"unix://{path}")


@pytest.mark.parametrize("name", ["a\0b", "a\x7fb:1"])
def test_a_host_with_control_characters_is_refused(name):
    with pytest.raises(ConfigError, match="is not a host"):
        hosts(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("127.0.0.1:2379", True),
        ("127.9.9.9", True),
        ("[::1]:1", True),
        ("localhost", True),
        ("etcd.localhost:1", True),
        ("unix:///tmp/etcd", True),
        ("10.0.0.1", False),
        ("[fe80::1%eth0]:1", False),
        ("etcd.example", False),
        ("localhost.example", False),
        ("srv://localhost", False),
    ],
)
def test_what_stays_on_the_machine(name, expected):
    assert is_local(host(name)) is expected
