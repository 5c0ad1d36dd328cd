"""The file with the last good configuration: whole, readable by its owner only, and refused if it was changed."""

from __future__ import annotations

import json
import os
import threading

import pytest

from etcd_factory.configcenter import fallback
from etcd_factory.errors import ConfigError

PREFIX = "config/"
ENTRIES = {"db/port": "5432", "@w1/name": '"\u00e4 \U0001f600"', "empty": ""}
REWRITES = 300


@pytest.fixture
def path(tmp_path):
    return tmp_path / "last.json"


@pytest.fixture
def written(path):
    fallback.write(path, PREFIX, 7, ENTRIES)
    return path


def refusal(path, prefix=PREFIX):
    with pytest.raises(ConfigError) as caught:
        fallback.load(path, prefix)
    return str(caught.value)


def changed(path, **fields):
    """The file with other fields."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return path


def test_a_file_is_read_as_it_was_written(written):
    assert fallback.load(written, PREFIX) == (7, ENTRIES)


def test_an_empty_configuration_can_be_written(path):
    fallback.write(path, "", 1, {})
    assert fallback.load(path, "") == (1, {})


def test_only_its_owner_can_read_it_even_if_everyone_could_read_the_one_before(path):
    path.write_text("{}")
    path.chmod(0o644)
    fallback.write(path, PREFIX, 7, ENTRIES)
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_no_other_file_is_left_next_to_it(written):
    fallback.write(written, PREFIX, 8, {})
    assert os.listdir(written.parent) == [written.name]


def test_the_path_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fallback.write(fallback.Path("last.json"), PREFIX, 7, ENTRIES)
    assert fallback.load(tmp_path / "last.json", PREFIX) == (7, ENTRIES)


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_if_writing_fails_the_old_file_stays_and_no_other_is_left(written, monkeypatch, failing):
    def fails(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, failing, fails)
    with pytest.raises(OSError, match="disk full"):
        fallback.write(written, PREFIX, 8, {})
    assert os.listdir(written.parent) == [written.name]
    assert fallback.load(written, PREFIX) == (7, ENTRIES)


def test_it_is_never_read_half_written(written):
    def rewrite():
        for number in range(REWRITES):
            fallback.write(written, PREFIX, number, {"k": "v" * number * 50})
        over.set()

    over, seen = threading.Event(), 0
    writer = threading.Thread(target=rewrite)
    writer.start()
    while not over.is_set():
        revision, entries = fallback.load(written, PREFIX)
        assert entries in (ENTRIES, {"k": "v" * revision * 50})
        seen += 1
    writer.join()
    assert seen > 1
    assert fallback.load(written, PREFIX)[0] == REWRITES - 1


# --- refused


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(written, part):
    text = written.read_text()
    written.write_text(text[: int(len(text) * part)])
    assert refusal(written) == f"{written}: the fallback file is truncated or not JSON"


def test_a_file_that_is_not_text_is_refused(path):
    path.write_bytes(b"\xff\xfe\x00{")
    assert "is truncated or not JSON" in refusal(path)


def test_a_missing_file_is_refused(path):
    assert refusal(path) == f"{path}: the fallback file cannot be read: No such file or directory"


def test_a_directory_is_refused(tmp_path):
    assert "cannot be read: Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize("text", ["[]", "5", "null", '"text"', "{}"])
def test_json_of_another_shape_is_refused(path, text):
    path.write_text(text)
    assert "does not have version 1" in refusal(path)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_refused(written, version):
    assert "does not have version 1 of the format" in refusal(changed(written, version=version))


@pytest.mark.parametrize("prefix", ["", "config", "other/"])
def test_another_prefix_is_refused(written, prefix):
    assert (
        refusal(written, prefix) == f"{written}: the fallback file was written for another prefix, not for {prefix!r}"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"entries": {**ENTRIES, "db/port": "1"}},
        {"entries": {**ENTRIES, "more": "1"}},
        {"entries": {}},
        {"entries": None},
        {"entries": []},
        {"sha256": ""},
        {"sha256": None},
    ],
)
def test_a_file_that_was_changed_by_hand_is_refused(written, fields):
    assert "was changed: its checksum does not match" in refusal(changed(written, **fields))


@pytest.mark.parametrize("revision", ["x", None, [], 8])
def test_a_revision_that_was_changed_by_hand_is_refused(written, revision):
    assert "the fallback file" in refusal(changed(written, revision=revision))


# --- a codec


class Reversing:
    """Reverses the bytes, after a byte that is the key."""

    def __init__(self, key=b"k"):
        self.key = key

    def encode(self, data):
        return self.key + data[::-1]

    def decode(self, data):
        if data[:1] != self.key:
            raise RuntimeError("hunter2")
        return data[:0:-1]


def test_a_codec_encodes_the_whole_file(path):
    fallback.write(path, PREFIX, 7, {"password": "hunter2"}, Reversing())
    assert b"hunter2" not in path.read_bytes()
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert fallback.load(path, PREFIX, Reversing()) == (7, {"password": "hunter2"})


def test_a_file_of_another_codec_is_refused_without_what_the_codec_says(path):
    fallback.write(path, PREFIX, 7, ENTRIES, Reversing())
    with pytest.raises(ConfigError) as caught:
        fallback.load(path, PREFIX, Reversing(b"x"))
    assert str(caught.value) == (
        f"{path}: the fallback file cannot be decoded: its codec raised RuntimeError; was it written with another one?"
    )
    assert "truncated or not JSON" in refusal(path)


@pytest.mark.parametrize("found", ["text", None, b"", b"{}"])
def test_whatever_a_codec_returns_is_checked(written, found):
    codec = Reversing()
    codec.decode = lambda data: found
    with pytest.raises(ConfigError):
        fallback.load(written, PREFIX, codec)


def fails(data):
    raise RuntimeError("hunter2")


@pytest.mark.parametrize(
    ("encode", "reason"),
    [(fails, "its codec raised RuntimeError"), (lambda data: "text", "its codec must return bytes, not str")],
)
def test_a_codec_that_cannot_encode_leaves_the_file_as_it_is(written, encode, reason):
    codec = Reversing()
    codec.encode = encode
    with pytest.raises(ValueError, match=f"^{reason}$"):
        fallback.write(written, PREFIX, 8, {}, codec)
    assert fallback.load(written, PREFIX) == (7, ENTRIES)


def test_a_path_that_no_file_can_have_is_refused():
    assert "cannot be read" in refusal(fallback.Path("nul\0"))


@pytest.mark.parametrize("given", [b"key", "fernet", object()])
def test_what_is_no_codec_is_refused(given):
    with pytest.raises(TypeError, match="a codec is an object with the methods encode and decode"):
        fallback.codec_of(given)


@pytest.mark.parametrize("given", [None, Reversing()])
def test_a_codec_is_optional(given):
    assert fallback.codec_of(given) is given
