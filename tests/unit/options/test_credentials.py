from __future__ import annotations

import pytest
from pydantic import SecretStr

from etcd_factory.options.credentials import password, token, username
from etcd_factory.options.secret import Secret
from etcd_factory.options.secret_file import SecretFile

READERS = (username, password, token)


def function():
    return "hunter2"


@pytest.mark.parametrize(
    "value", ["hunter2", Secret("hunter2"), SecretStr("hunter2")], ids=["text", "ours", "pydantic's"]
)
def test_text_is_kept_as_a_secret_but_for_a_username(value):
    assert (username(value), password(value), token(value)) == ("hunter2",) * 3
    assert [type(read(value)) for read in READERS] == [str, Secret, Secret]


@pytest.mark.parametrize("read", READERS)
def test_what_is_read_on_demand_is_kept(tmp_path, read):
    (tmp_path / "pw").write_text("hunter2\n")
    assert read(function) is function
    assert read({"file": tmp_path / "pw"}) == SecretFile(str(tmp_path / "pw"))
    assert read(None) is None


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (8471, "expected text, got int; write it in quotes"),
        ([8471], "expected text, got list"),
        (b"8471", "expected text, got bytes"),
        ("", "expected text, got an empty string"),
        (Secret(""), "expected text, got an empty string"),
        ({}, "expected text, or {file: path}, got another mapping; write text with braces in quotes"),
        ({"8471": None}, "expected text, or {file: path}, got another mapping; write text with braces in quotes"),
        (
            {"file": "x", "8471": 1},
            "expected text, or {file: path}, got another mapping; write text with braces in quotes",
        ),
        ({"file": 8471}, "expected text, got int; write it in quotes"),
    ],
)
def test_anything_else_is_an_error_that_does_not_show_it(faults, read, value, message):
    assert faults(read, value) == [message]
