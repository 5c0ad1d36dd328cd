from __future__ import annotations

import socket
import threading

import pytest

from etcd_factory.cli.keys import fields, line
from etcd_factory.model import KeyValue


def test_a_key_as_a_line_is_safe_on_a_terminal():
    kv = KeyValue(b"a\x1b\xff", b"v\n")
    assert line(kv, values=False) == "a\\x1b\\xff"
    assert line(KeyValue(b"k", b"\x07"), values=True) == "k = \\x07"


def test_a_key_as_json_has_its_lease_in_hexadecimal():
    assert fields(KeyValue(b"k", b"v", 1, 2, 3, 255)) == {
        "key": b"k",
        "value": b"v",
        "create_revision": 1,
        "mod_revision": 2,
        "version": 3,
        "lease": "ff",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["del"], "name a key"),
        (["del", "", "--prefix"], "write --all"),
        (["del", "k", "--all"], "pass it without a key"),
        (["put", "k", "v", "--lease", "no"], "hexadecimal"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(run, arguments, message):
    done = run(*arguments, "--hosts", "127.0.0.1:1")
    assert done.code == 2
    assert message in done.err


def test_a_server_that_is_not_etcd_is_named_and_doctor_is_advised(run, is_grpc):
    def greet(listener):
        sock, _ = listener.accept()
        with sock:
            sock.sendall(b"220 mail.example ESMTP ready\r\n")
            sock.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,), daemon=True)
        thread.start()
        done = run("put", "k", "v", "--hosts", "{}:{}".format(*listener.getsockname()), "--timeout", 5)
    assert ("is etcd running there" if is_grpc else "this is not etcd, or a proxy is in the way") in done.err
    assert "`etcd-factory doctor` says more" in done.err
