"""Errors of connections that were not established, without and with a look at the host."""

from __future__ import annotations

import ssl

import pytest
import trustme

from etcd_factory.errors import ConnectionFailedError, TLSError
from etcd_factory.io.http2.host import host
from etcd_factory.io.http2.opening import check_alpn, failure, overdue, silent
from etcd_factory.options import ClientOptions
from tests.support.h2_server import HOST, answering, server_context
from tests.support.processes import free_port

CERTIFICATE = trustme.CA().issue_cert(HOST)
WRONG = ssl.SSLError(1, "wrong version number")
WRONG.reason = "WRONG_VERSION_NUMBER"
RESET = ConnectionResetError(104, "Connection reset by peer")


def at(url, **options):
    return host(url, ClientOptions.of({"hosts": url, **options}))


def test_an_error_says_where_and_why_and_was_not_sent():
    refused = ConnectionRefusedError(111, "Connection refused")
    error = failure(at("http://etcd.example:2379"), refused, "", accepted=False)
    assert type(error) is ConnectionFailedError
    assert (error.endpoint, error.sent, error.__cause__) == ("etcd.example:2379", False, refused)
    assert "Connection refused" in str(error)


def test_an_error_without_words_has_the_name_of_its_class():
    assert "BrokenPipeError" in str(failure(at("unix:///none"), BrokenPipeError(), "", accepted=False))


def test_a_given_reason_comes_first():
    assert "because" in str(failure(at("unix:///none"), RESET, "because", accepted=False))


def test_an_error_of_tls_stays_one():
    known = TLSError("it has expired")
    error = failure(at("https://etcd.example:2379"), known, "", accepted=False)
    assert (type(error), error.sent, error.__cause__) == (TLSError, False, known)
    assert "it has expired" in str(error)


LOOKS = {
    "plaintext to TLS": ("http", True, "the server requires TLS; write https://"),
    "TLS to plaintext": ("https", False, "the server speaks plaintext; write http://"),
}


@pytest.mark.parametrize("error", [RESET, EOFError("the server closed the connection")], ids=["reset", "closed"])
@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_the_host_finds_the_other_scheme(serve, name, error):
    scheme, secure, problem = LOOKS[name]
    server = serve(answering, context=server_context(CERTIFICATE) if secure else None)
    found = failure(at(f"{scheme}://{server.endpoint}"), error, "", accepted=False)
    assert type(found) is TLSError
    assert problem in str(found)


def test_a_host_that_closes_what_it_accepts_is_looked_at_too(serve):
    server = serve(answering, context=server_context(CERTIFICATE))
    found = failure(at(f"http://{server.endpoint}"), None, "it closed the connection", accepted=True)
    assert "write https://" in str(found)


def test_a_host_that_refuses_is_not_looked_at(serve):
    server = serve()
    failure(at(server.url), ConnectionRefusedError(), "", accepted=False)
    assert server.wires == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("error", [RESET, WRONG], ids=["reset", "TLS"])
def test_a_host_that_is_gone_by_then_leaves_the_first_error(scheme, error):
    found = failure(at(f"{scheme}://{HOST}:{free_port()}"), error, "", accepted=True)
    assert isinstance(found, ConnectionFailedError)
    assert found.__cause__ is error


def test_a_host_behind_a_proxy_is_not_looked_at(serve):
    server = serve()
    failure(at(server.url, proxy="http://127.0.0.1:1"), RESET, "", accepted=True)
    assert server.wires == []


def test_a_connection_that_comes_too_late_is_an_error_of_the_deadline():
    error = overdue("etcd.example:2379", 1.23456)
    assert (error.sent, error.endpoint) == (False, "etcd.example:2379")
    assert "no connection within 1.2 s" in str(error)


def test_a_silent_host_is_named_with_the_time_it_had():
    assert silent(at("http://a:1", dial_timeout=3)) == "it did not speak HTTP/2 within 3 s"


@pytest.mark.parametrize("agreed", [None, "http/1.1"])
def test_a_server_must_agree_to_http2(agreed):
    with pytest.raises(TLSError, match="not HTTP/2"):
        check_alpn(agreed)
    check_alpn("h2")
