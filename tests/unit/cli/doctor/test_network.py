from __future__ import annotations

import sys

import pytest

from etcd_factory.cli.doctor import network
from etcd_factory.cli.doctor.probe import Page
from etcd_factory.io.http2.host import host
from etcd_factory.options import ClientOptions

NOON = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110
DATE = Page({"date": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"")


def of(url, **options):
    """A host of a client with these options."""
    return host(url, ClientOptions(hosts=url, **options))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in network.PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://127.0.0.1:1", "is an address"),
        ("http://[::1]:1", "is an address"),
        ("unix:///a/b", "a unix socket: /a/b"),
        ("http://localhost:1", "localhost is "),
    ],
)
def test_names_that_need_no_dns(url, text):
    found = network.name(of(url))
    assert found.level == "ok"
    assert text in found.message


def test_a_proxy_resolves_names_itself():
    assert "by the proxy" in network.name(of("http://etcd.invalid:1", proxy="http://p:1")).message


@pytest.mark.parametrize(
    ("ahead", "level", "text"),
    [
        (0, "ok", "less than 2 s"),
        (1.9, "ok", "less than 2 s"),
        (300.5, "warning", "300 s ahead of"),
        (-299.5, "warning", "300 s behind"),
    ],
)
def test_clocks(ahead, level, text):
    found = network.clock(of("http://h:1"), DATE, NOON + ahead)
    assert found.level == level
    assert text in found.message


def test_hosts_of_dns_cannot_be_looked_up_without_dnspython(monkeypatch):
    monkeypatch.setitem(sys.modules, "dns.exception", None)
    found = network.service("srv://example.org", secure=False, timeout=1)
    assert (found.check, found.level) == ("name", "failed")
    assert "srv:// hosts need dnspython" in found.message
    assert "install the extra dns" in found.advice


def test_hosts_of_dns_are_listed(monkeypatch):
    asked = []
    monkeypatch.setattr(network.dns, "lookup", lambda name, timeout: asked.append(name) or [("a", 1), ("b", 2)])
    found = network.service("srv://example.org", secure=True, timeout=1)
    assert (asked, found.message) == (["_etcd-client-ssl._tcp.example.org"], "srv://example.org is a:1, b:2")


@pytest.mark.parametrize("answer", [None, Page({}, b"")])
def test_a_server_that_does_not_tell_its_time(answer):
    assert network.clock(of("http://h:1"), answer, NOON).level == "ok"


def test_the_port_of_members_is_recognized():
    found = network.advice(ConnectionRefusedError(), of("http://h:2380"))
    assert "2380 is the port for members" in found


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError(), "no connection within 2 s"),
        (ConnectionRefusedError(111, "refused"), "nothing listens there"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_why_there_is_no_connection(error, text):
    assert text in network.reason(error, of("http://h:1"))


def test_a_proxys_password_is_not_shown():
    one = of("http://h:1", proxy="http://user:hunter2@p:3128")
    assert network.proxy_of(one) == "p:3128"
    assert "hunter2" not in network.advice(TimeoutError(), one)


@pytest.mark.parametrize(
    ("answer", "check", "text"),
    [
        (b"\0\0\0\4\0\0\0\0\0", "TLS", "HTTP/2 is spoken"),
        (b"", "proxy", "answers nothing"),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nVia: squid\r\n", "proxy", "(squid): it answers 'HTTP/1.1 407"),
        (b"SSH-2.0-x\r\n", "proxy", "it answers 'SSH-2.0-x'"),
    ],
)
def test_what_answers_without_tls(monkeypatch, answer, check, text):
    monkeypatch.setattr(network, "greeting", lambda _: answer)
    found = network.plaintext(of("http://h:1"))
    assert found.check == check
    assert text in found.message
