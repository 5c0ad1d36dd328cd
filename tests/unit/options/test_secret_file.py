from __future__ import annotations

import os

import attrs
import pytest

from etcd_factory import Auth, ClientOptions
from etcd_factory.errors import ConfigError
from etcd_factory.options.secret_file import SecretFile


@pytest.fixture
def path(tmp_path):
    (path := tmp_path / "pw").write_text("hunter2\n")
    return path


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\n\n", "hunter2\n"),
        (b" hunter2 \n", " hunter2 "),
        (b"two\nlines\n", "two\nlines"),
        ("p\u00e4ss".encode(), "p\u00e4ss"),
        (b"a${b}c 'q' \\\n", "a${b}c 'q' \\"),
    ],
)
def test_the_text_of_the_file_is_the_secret_without_one_line_break(path, content, secret):
    path.write_bytes(content)
    assert SecretFile(str(path))() == secret


def test_the_file_is_read_each_time(path):
    secret = SecretFile(str(path))
    assert secret() == "hunter2"
    path.write_text("renewed\n")
    assert secret() == "renewed"


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "is empty"), (b"\n", "is empty"), (b"hunter2\xff", "is not UTF-8")]
)
def test_a_file_without_a_secret_is_an_error_that_names_it_and_not_its_content(path, content, problem):
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        SecretFile(str(path))()
    assert str(caught.value) == f"{path}: {problem}"
    assert "hunter2" not in repr(caught.value.__context__) or caught.value.__suppress_context__


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, problem in {
        "missing": "cannot read the file: No such file or directory",
        "": "cannot read the file: Is a directory",
        "pipe": "is not a regular file",
        "a\0b": "cannot read the file: not a path",
    }.items():
        with pytest.raises(ConfigError) as caught:
            SecretFile(f"{tmp_path}/{name}")()
        assert str(caught.value) == f"{tmp_path}/{name}: {problem}"


def test_options_name_the_file_and_are_equal_if_it_is_the_same(path):
    options = ClientOptions.of({"auth": {"username": "root", "password": {"file": str(path)}}})
    assert options == ClientOptions(auth=Auth("root", {"file": path}))
    assert options.auth.password() == "hunter2"
    assert "hunter2" not in f"{options!r} {attrs.asdict(options)}"


def test_the_file_is_checked_when_the_options_are_made(faults, tmp_path):
    given = {"auth": {"username": "root", "password": {"file": str(tmp_path / "missing")}}}
    assert faults(ClientOptions.of, given) == [
        f"auth.password: {tmp_path}/missing: cannot read the file: No such file or directory"
    ]


def test_the_home_directory_may_be_written_as_a_tilde(path, monkeypatch):
    monkeypatch.setenv("HOME", str(path.parent))
    assert Auth("root", {"file": "~/pw"}).password() == "hunter2"
