"""The file with the last good configuration: whole, for its owner alone, and refused if it is not as it was written."""

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


def test_what_was_written_is_read(written):
    assert fallback.load(written, PREFIX) == (7, ENTRIES)


def test_nothing_can_be_written_too(path):
    fallback.write(path, "", 1, {})
    assert fallback.load(path, "") == (1, {})


def test_only_its_owner_may_read_it_even_if_all_could_read_the_one_before(path):
    path.write_text("{}")
    path.chmod(0o644)
    fallback.write(path, PREFIX, 7, ENTRIES)
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_nothing_else_is_left_beside_it(written):
    fallback.write(written, PREFIX, 8, {})
    assert os.listdir(written.parent) == [written.name]


def test_a_relative_path_is_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fallback.write(fallback.Path("last.json"), PREFIX, 7, ENTRIES)
    assert fallback.load(tmp_path / "last.json", PREFIX) == (7, ENTRIES)


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_where_writing_fails_the_file_before_stays_and_nothing_is_left(written, monkeypatch, failing):
    def fails(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, failing, fails)
    with pytest.raises(OSError, match="disk full"):
        fallback.write(written, PREFIX, 8, {})
    assert os.listdir(written.parent) == [written.name]
    assert fallback.load(written, PREFIX) == (7, ENTRIES)


def test_it_is_never_read_half_while_it_is_written_again_and_again(written):
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


# --- what is refused


@pytest.mark.parametrize("part", [0, 0.1, 0.5, 0.9])
def test_one_that_was_cut_off_is_refused(written, part):
    text = written.read_text()
    written.write_text(text[: int(len(text) * part)])
    assert refusal(written) == f"{written}: the fall-back file is not whole: it is no JSON"


def test_one_that_is_no_text_is_refused(path):
    path.write_bytes(b"\xff\xfe\x00{")
    assert "is not whole" in refusal(path)


def test_one_that_is_not_there_is_refused(path):
    assert refusal(path) == f"{path}: the fall-back file can't be read: No such file or directory"


def test_a_directory_is_refused(tmp_path):
    assert "can't be read: Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize("text", ["[]", "5", "null", '"text"', "{}"])
def test_json_of_another_shape_is_refused(path, text):
    path.write_text(text)
    assert "is not of version 1" in refusal(path)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_refused(written, version):
    assert "is not of version 1" in refusal(changed(written, version=version))


@pytest.mark.parametrize("prefix", ["", "config", "other/"])
def test_another_prefix_is_refused(written, prefix):
    assert refusal(written, prefix) == f"{written}: the fall-back file is of another prefix, not of {prefix!r}"


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
def test_one_that_was_changed_by_hand_is_refused(written, fields):
    assert "its checksum is wrong" in refusal(changed(written, **fields))


@pytest.mark.parametrize("revision", ["x", None, [], 8])
def test_a_revision_that_was_changed_by_hand_is_refused(written, revision):
    assert "the fall-back file" in refusal(changed(written, revision=revision))
