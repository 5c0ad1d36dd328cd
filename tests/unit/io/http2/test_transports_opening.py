"""How both transports connect: addresses, unix sockets, proxies, TLS, and what is said of those that fail."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from shutil import copyfile

import pytest
import trustme

from etcd_factory.errors import ConfigError, ConnectionFailedError, DeadlineExceededError, TLSError
from etcd_factory.wire import messages, methods
from tests.support.certificates import write
from tests.support.h2_server import BOUND, HOST, answering, server_context, silent
from tests.support.http2 import data, headers, message, trailers
from tests.support.processes import free_port

aside = asyncio.to_thread
AUTHORITY, STRANGER = trustme.CA(), trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert(HOST)
CA = AUTHORITY.cert_pem.bytes().decode()
SHORT = 0.2  # seconds, of what never comes
CALLS = 8


def read(transport, url, timeout=BOUND):
    return transport.unary(url, methods.RANGE, messages.RangeRequest(key=b"k"), timeout, ())


async def failure(body, kind=ConnectionFailedError):
    """The error of a call that was certainly not sent."""
    with pytest.raises(kind) as caught:
        await body
    assert caught.value.sent is False
    return caught.value


async def test_one_connection_is_opened_for_all_who_wait(connect, run, serve):
    server, transport = serve(answering), connect()
    await asyncio.gather(*(run(read(transport, server.url)) for _ in range(CALLS)))
    assert len(server.wires) == 1


async def test_all_who_wait_for_one_that_cannot_be_opened_get_an_error_of_their_own(connect, run):
    transport, url = connect(dial_timeout=SHORT), f"http://{HOST}:{free_port()}"
    calls = [run(read(transport, url)) for _ in range(CALLS)]
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in errors} == {ConnectionFailedError}
    assert len({id(error) for error in errors}) == CALLS
    assert {error.sent for error in errors} == {False}


async def test_a_host_that_accepts_connections_and_is_silent_is_left_after_the_dial_timeout(connect, run, serve):
    server = serve(silent)
    error = await failure(run(read(connect(dial_timeout=SHORT), server.url)))
    assert f"it did not speak HTTP/2 within {SHORT:g} s" in str(error)
    assert await aside(server.wire().over)


async def test_a_call_does_not_wait_longer_for_a_connection_than_its_own_deadline(connect, run, serve):
    error = await failure(run(read(connect(dial_timeout=BOUND), serve(silent).url, SHORT)), DeadlineExceededError)
    assert "no connection within 0.2 s" in str(error)


async def test_a_call_after_one_that_was_too_late_uses_the_connection_that_came_meanwhile(connect, run, serve):
    server, transport = serve(), connect(dial_timeout=BOUND)
    late = run(read(transport, server.url, SHORT))
    wire = await aside(server.wire)
    await failure(late, DeadlineExceededError)
    call = run(read(transport, server.url))
    if not hasattr(transport, "_pools"):  # the thread that opened it has given up
        wire = await aside(server.wire)
    wire.establish().answer(await aside(wire.request))
    await call


WORDS = {
    "HTTP/1": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it answers in HTTP/1: HTTP/1.1 400 Bad Request"),
    "no HTTP": (b"220 mail.example ESMTP ready\r\n", "the server broke HTTP/2"),
    "nothing": (b"", "the server closed the connection"),
}


@pytest.mark.parametrize("name", WORDS)
async def test_a_host_that_speaks_something_else_is_reported(connect, run, serve, name):
    words, problem = WORDS[name]

    def say(wire):
        wire.hear()
        wire.say(words)
        wire.close()

    assert problem in str(await failure(run(read(connect(), serve(say).url))))


async def test_a_unix_socket_is_connected_to(connect, run, serve, tmp_path):
    path = tmp_path / "etcd.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    server = serve(answering, sock=listener)
    await run(read(connect(hosts=f"unix://{path}"), f"unix://{path}"))
    assert len(server.wires) == 1


async def test_a_unix_socket_that_is_not_there_is_reported(connect, run, tmp_path):
    path = tmp_path / "none.sock"
    assert "No such file" in str(await failure(run(read(connect(hosts=f"unix://{path}"), f"unix://{path}"))))


# --- proxies


def tunnel(wire, *, seen, response=b"HTTP/1.1 200 Connection established\r\n\r\n"):
    """Play a proxy, and etcd behind it."""
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += wire.sock.recv(1 << 12)
    seen.append(request.decode())
    wire.say(response)
    if b" 200 " in response:
        answering(wire)


async def test_a_proxy_is_asked_for_a_tunnel(connect, run, serve):
    seen = []
    proxy = serve(partial(tunnel, seen=seen))
    transport = connect(proxy=proxy.url.replace("//", "//us%40er:pass@"))
    await run(read(transport, "http://etcd.example:2379"))
    assert seen == [
        "CONNECT etcd.example:2379 HTTP/1.1\r\nHost: etcd.example:2379\r\n"
        "Proxy-Authorization: Basic dXNAZXI6cGFzcw==\r\n\r\n"
    ]


REFUSALS = {
    "407": (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Authentication Required"),
    "garbage": (b"\x16\x03\x01\r\n\r\n", "the proxy answered"),
    "nothing": (b"", "the proxy answered 'nothing'"),
    "too long": (b"HTTP/1.1 200 " + b"x" * (1 << 17), "the proxy"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_proxy_that_opens_no_tunnel_is_reported(connect, run, serve, name):
    response, problem = REFUSALS[name]

    def refuse(wire):
        wire.sock.recv(1 << 12)
        wire.say(response)
        wire.close()

    transport = connect(proxy=serve(refuse).url)
    assert problem in str(await failure(run(read(transport, "http://etcd.example:2379"))))


async def test_a_proxy_that_is_silent_is_left_after_the_dial_timeout(connect, run, serve):
    transport = connect(proxy=serve(silent).url, dial_timeout=SHORT)
    await failure(run(read(transport, "http://etcd.example:2379")))


# --- TLS


def secured(serve, *scripts, certificate=CERTIFICATE, **options):
    return serve(*scripts or (answering,), context=server_context(certificate, **options))


async def test_calls_go_over_tls(connect, run, serve):
    server = secured(serve)
    transport = connect(hosts=server.url, tls={"ca": CA})
    await asyncio.gather(*(run(read(transport, server.url)) for _ in range(CALLS)))
    assert len(server.wires) == 1
    assert server.wires[0].sock.selected_alpn_protocol() == "h2"


async def test_large_messages_go_over_tls_both_ways(connect, run, serve):
    large = messages.RangeResponse(kvs=[{"value": bytes(3_000_000)}]).SerializeToString()

    def answer(wire, stream):
        whole = message(large)
        parts = [data(stream, whole[at : at + 16_000]) for at in range(0, len(whole), 16_000)]
        wire.say(headers(stream), *parts, trailers(stream))

    server = secured(serve, partial(answering, answer=answer))
    reply = await run(read(connect(hosts=server.url, tls={"ca": CA}), server.url))
    assert len(reply.kvs[0].value) == 3_000_000


@pytest.mark.parametrize("protocols", [(), ("http/1.1",)], ids=["none", "HTTP/1"])
async def test_a_server_that_does_not_agree_to_http2_is_reported_and_left(connect, run, serve, protocols):
    server = secured(serve, silent, protocols=protocols)
    error = await failure(run(read(connect(hosts=server.url, tls={"ca": CA}), server.url)), TLSError)
    assert "the server speaks TLS, but not HTTP/2" in str(error)
    assert await aside(server.wire().over)


PROBLEMS = {
    "another name": (AUTHORITY.issue_cert("etcd.example"), {"ca": CA}, "is for another name"),
    "another CA": (STRANGER.issue_cert(HOST), {"ca": CA}, "is not signed by the CA that is trusted"),
}


@pytest.mark.parametrize("name", PROBLEMS)
async def test_a_certificate_that_cannot_be_trusted_is_reported(connect, run, serve, name):
    certificate, tls, problem = PROBLEMS[name]
    server = secured(serve, certificate=certificate)
    assert problem in str(await failure(run(read(connect(hosts=server.url, tls=tls), server.url)), TLSError))


async def test_server_name_is_what_the_certificate_must_be_for(connect, run, serve):
    server = secured(serve, certificate=AUTHORITY.issue_cert("etcd.example"))
    await run(read(connect(hosts=server.url, tls={"ca": CA, "server_name": "etcd.example"}), server.url))


async def test_plaintext_is_reported_in_either_direction(connect, run, serve):
    server, plain = secured(serve), serve(answering)
    error = await failure(run(read(connect(), server.url.replace("https", "http"))))
    assert "write https://" in str(error)
    url = plain.url.replace("http", "https")
    assert "the server speaks plaintext" in str(
        await failure(run(read(connect(hosts=url, tls={"ca": CA}), url)), TLSError)
    )


async def test_a_client_shows_its_certificate(connect, run, serve):
    server = secured(serve, clients=AUTHORITY)
    client = AUTHORITY.issue_cert("client")
    tls = {"ca": CA, "cert": client.cert_chain_pems[0].bytes().decode(), "key": client.private_key_pem.bytes().decode()}
    await run(read(connect(hosts=server.url, tls=tls), server.url))
    assert server.names.get(timeout=BOUND) == "client"


async def test_a_missing_client_certificate_is_reported(connect, run, serve):
    server = secured(serve, clients=AUTHORITY)
    error = await failure(run(read(connect(hosts=server.url, tls={"ca": CA}), server.url)), TLSError)
    assert "the server requires a client certificate" in str(error)


async def test_files_are_read_again_at_each_new_connection(connect, run, serve, tmp_path):
    def once(wire):
        wire.establish().answer(wire.request())
        wire.close()

    server = secured(serve, once, clients=AUTHORITY)
    files = write(tmp_path, "old.example", by=AUTHORITY)
    transport, seen = connect(hosts=server.url, tls=files), []
    for name in ("old.example", "new.example"):
        write(tmp_path, name, by=AUTHORITY)
        await run(read(transport, server.url))
        seen.append(server.names.get(timeout=BOUND))
    assert seen == ["old.example", "new.example"]


async def test_a_file_that_is_gone_is_an_error_that_names_it(connect, run, serve, tmp_path):
    server, files = secured(serve), write(tmp_path, "client", by=AUTHORITY)
    transport = connect(hosts=server.url, tls=files)
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(ConfigError, match=r"tls\.ca"):
        await run(read(transport, server.url))
    write(tmp_path, "client", by=AUTHORITY)
    await run(read(transport, server.url))
