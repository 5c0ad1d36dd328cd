"""Checks: what is taken for healthy, and what cannot be a check."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from etcd_factory.core.face import Async, Sync, finish
from etcd_factory.io.runtime.asyncio import AsyncioRuntime
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.registry import checks
from etcd_factory.registry.checks import Check, OneAtATime, Unhealthy
from tests.support.faces import BOUND, THREADS

RUNTIMES = {Sync: ThreadRuntime(), Async: AsyncioRuntime()}


@pytest.fixture(params=[Sync, Async], ids=["blocking", "asyncio"])
def check(request):
    """A function that makes one check in a face."""
    face = request.param

    async def run(target):
        probe = Check.of(target, 5, 3, face).probe
        if face is Sync:
            return finish(probe(RUNTIMES[face]))
        return await probe(RUNTIMES[face])

    run.face = face
    return run


# --- http


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_an_answer_of_2xx_is_healthy(check, backend, status):
    backend.status = status
    await check(f"http://{backend.address}/health?full=1")
    assert backend.paths == ["/health?full=1"]


@pytest.mark.parametrize("status", [301, 404, 500, 503])
async def test_any_other_answer_is_not_and_redirections_are_not_followed(check, backend, status):
    backend.status = status
    with pytest.raises(Unhealthy, match=f"it answered {status}"):
        await check(f"http://{backend.address}")
    assert backend.paths == ["/"]


async def test_https_needs_tls(check, backend):
    with pytest.raises(ssl.SSLError):
        await check(f"https://{backend.address}")


async def test_silence_is_a_failure(check, monkeypatch):
    monkeypatch.setattr(checks, "TIMEOUT", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        await check(f"http://127.0.0.1:{silent.getsockname()[1]}/")


# --- tcp


async def test_a_connection_is_healthy(check, backend):
    await check(f"tcp://{backend.address}")


@pytest.mark.parametrize("scheme", ["tcp", "http", "https"])
async def test_a_refused_connection_is_not(check, scheme):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await check(f"{scheme}://127.0.0.1:{held.getsockname()[1]}")


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
async def test_an_ipv6_address_is_in_brackets(check):
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with server:
        await check(f"tcp://[::1]:{server.getsockname()[1]}")


# --- a function


@pytest.mark.parametrize("result", [None, True, 0, "no"])
async def test_a_function_is_healthy_if_it_returns_anything_but_false(check, result):
    await check(lambda: result)


async def test_a_function_is_not_if_it_returns_false_or_raises(check):
    with pytest.raises(Unhealthy, match="it returned False"):
        await check(lambda: False)
    with pytest.raises(ZeroDivisionError):
        await check(lambda: 1 / 0)


async def test_in_asyncio_a_function_may_be_async(check):
    async def false():
        return False

    if check.face is Sync:
        with pytest.raises(TypeError, match="is async"):
            await check(false)
    else:
        with pytest.raises(Unhealthy):
            await check(false)


async def test_no_two_threads_wait_for_the_same():
    begun, released = threading.Event(), threading.Event()

    def hang():
        begun.set()
        assert released.wait(BOUND)

    body = OneAtATime(hang)
    first = THREADS.submit(body)
    assert begun.wait(BOUND)
    with pytest.raises(TimeoutError, match="has not ended yet"):
        body()
    released.set()
    first.result(BOUND)
    body()


# --- what cannot be a check


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("", "check must be http://host:port/path, https://..., tcp://host:port or a function, not ''"),
        ("ftp://h/", "not 'ftp://h/'"),
        ("h:80", "not 'h:80'"),
        ("tcp://h", "not 'tcp://h'"),
        ("http:///path?token=secret", "not 'http:///path'"),
        ("http://h:port/", "its host or port is invalid"),
        ("http://[::1/", "its host or port is invalid"),
        ("http://user:secret@h/", "without a user; pass a function"),
        ("http://user:secret/", "its host or port is invalid"),
    ],
)
def test_an_invalid_url_is_refused_and_no_secret_shown(target, text):
    with pytest.raises(ValueError, match="check must be") as caught:
        Check.of(target, 5, 3, Sync)
    assert text in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("interval", "failures", "text"),
    [
        (0, 3, "interval must be a number of seconds above 0, not 0"),
        ("5", 3, "interval must be"),
        (5, 0, "failures must be a whole number, at least 1, not 0"),
        (5, 1.5, "failures must be"),
    ],
)
def test_an_invalid_interval_or_number_is_refused(interval, failures, text):
    with pytest.raises(ValueError, match=text):
        Check.of("tcp://h:1", interval, failures, Sync)


def test_what_is_neither_text_nor_function_is_refused():
    with pytest.raises(TypeError, match="check must be a function, not int"):
        Check.of(5, 5, 3, Sync)
