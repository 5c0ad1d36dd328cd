from __future__ import annotations

import socket
from pathlib import Path

from etcd_factory.cli.serve import flags, tried


def test_flags_replace_only_what_is_chosen():
    assert flags(0, None) == []
    assert flags(2379, Path("d")) == [
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--data-dir=d",
    ]


def test_what_to_try_has_the_address():
    assert tried("h:1") == "etcd-factory --hosts h:1 put foo bar"


def test_a_missing_etcd_is_an_error_that_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr("etcd_factory.testing.server.find_binary", missing)
    done = run("serve")
    assert done.code == 1
    assert "pip install 'etcd-factory[server]'" in done.err


def test_a_port_that_is_in_use_is_an_error_that_says_so(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port))
    assert done.code == 1
    assert done.err.strip() == (
        f"error: 127.0.0.1:{port} is in use; if an etcd runs there use that one, or choose another --port"
    )


def missing(*args):
    from etcd_factory.testing import BinaryNotFoundError

    raise BinaryNotFoundError("etcd")
