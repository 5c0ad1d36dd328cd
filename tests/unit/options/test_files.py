from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from etcd_factory.errors import ConfigError
from etcd_factory.options.files import content, expanded


def test_the_content_of_a_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"x\xff")
    os.symlink("a", tmp_path / "link")
    assert content(str(tmp_path / "link")) == b"x\xff"


def test_what_is_no_regular_file_is_an_error_at_once(tmp_path, faults):
    before = threading.active_count()
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
    assert faults(content, str(tmp_path / "pipe")) == ["is not a regular file"]
    assert faults(content, "/dev/null") == ["is not a regular file"]
    assert faults(content, str(tmp_path / "socket")) == ["cannot read the file: No such device or address"]
    assert faults(content, str(tmp_path)) == ["cannot read the file: Is a directory"]
    assert threading.active_count() <= before  # nothing waits


def test_no_descriptor_is_left_open(tmp_path, faults):
    before = len(os.listdir("/proc/self/fd"))
    for path in (str(tmp_path), "/dev/null", str(tmp_path / "missing"), "a\0b"):
        faults(content, path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_tilde_is_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/x")
    assert (expanded("~/a"), expanded(Path("~/a")), expanded("a~/b")) == ("/home/x/a", "/home/x/a", "a~/b")


@pytest.mark.parametrize("path", [5, "", None])
def test_a_path_is_text(faults, path):
    assert faults(expanded, path)[0].startswith("expected text, got ")


def test_a_path_with_nul_is_refused():
    with pytest.raises(ConfigError, match="expected a path, got text with a NUL character"):
        expanded("a\0b")
