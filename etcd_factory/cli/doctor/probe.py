"""Requests to a host without a client: what listens there, its certificate, its clock, its metrics."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from time import monotonic

from attrs import frozen

from etcd_factory.io.http2.dial import connect
from etcd_factory.io.http2.host import Host
from etcd_factory.io.tls import PREFACE, context

LONGEST = 1 << 12  # bytes of an answer that are looked at


@frozen
class Page:
    """An answer of HTTP/1.1: etcd serves ``/version`` and ``/metrics`` at the port of its clients too."""

    headers: Mapping[str, str]
    body: bytes


def opened(host: Host) -> socket.socket:
    """Return a connection to a host, through the client's proxy if it has one. Raises ``OSError``."""
    sock = connect(host, monotonic() + host.dial_timeout)
    sock.settimeout(host.dial_timeout)
    return sock


def secured(sock: socket.socket, host: Host, protocol: str, *, is_verified: bool = True) -> ssl.SSLSocket:
    """Return the connection with TLS over it; without verification only to look at the certificate."""
    made = context(host.tls)
    made.set_alpn_protocols([protocol])
    if not is_verified:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made.wrap_socket(sock, server_hostname=host.server_name)


def page(host: Host, path: str) -> Page | None:
    """Return what a host answers to a GET of HTTP/1.1, None if it does not."""
    try:
        with opened(host) as raw:
            sock = secured(raw, host, "http/1.1") if host.is_secure else raw
            with sock:
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host.authority}\r\nConnection: close\r\n\r\n".encode())
                answer = HTTPResponse(sock)
                answer.begin()
                return Page({name.lower(): value for name, value in answer.getheaders()}, answer.read())
    except (OSError, HTTPException):
        return None


def greeting(host: Host) -> bytes:
    """Return the first bytes that a host answers to the begin of HTTP/2 without TLS, empty for none."""
    with suppress(OSError), opened(host) as sock:
        sock.sendall(PREFACE)
        return sock.recv(LONGEST)
    return b""


def certificate(host: Host) -> bytes | None:
    """Return a host's certificate as DER, verified or not; None if TLS does not get that far."""
    with suppress(OSError), opened(host) as raw, secured(raw, host, "h2", is_verified=False) as sock:
        return sock.getpeercert(binary_form=True)
    return None
