"""The conftest of the run through ``etcd.raw``: ``etcd3.client`` returns the raw client of a service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlparse

import pytest

from etcd_factory import ETCDService  # first: it makes etcd3 importable

import etcd3  # isort: skip

CLUSTER = urlparse(os.environ["PYTHON_ETCD_HTTP_URL"])

opened = ExitStack()


def client(host: str | None = CLUSTER.hostname, port: int | None = CLUSTER.port, **given: Any) -> etcd3.Etcd3Client:
    """Return a raw client, in place of ``etcd3.client``."""
    return opened.enter_context(ETCDService(options(f"{host}:{port}", **given))).raw


def options(
    host: str,
    *,
    ca_cert: str | None = None,
    cert_key: str | None = None,
    cert_cert: str | None = None,
    user: str | None = None,
    password: str | None = None,
    timeout: float | None = None,
) -> dict[str, Any]:
    """Return python-etcd3's arguments as options of a service."""
    tls = stated(ca=ca_cert, cert=cert_cert, key=cert_key)
    auth = stated(username=user, password=password)
    return {"hosts": f"{'https' if tls else 'http'}://{host}", "tls": tls, "auth": auth, "timeout": timeout}


def stated(**values: str | None) -> dict[str, str] | None:
    """Return the values that are set; None if there are none."""
    return {name: value for name, value in values.items() if value is not None} or None


@pytest.fixture(scope="session", autouse=True)
def _closing() -> Iterator[None]:
    with opened:
        yield


etcd3.client = client
