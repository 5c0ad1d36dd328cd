"""Files that replace another one as a whole or not at all."""

from __future__ import annotations

import os

import pytest

from etcd_factory.io.runtime.files import AtomicFile, write_atomically


@pytest.fixture
def path(tmp_path):
    return tmp_path / "backup.db"


def names(path):
    return sorted(one.name for one in path.parent.iterdir())


def test_until_it_is_committed_the_file_is_a_part_beside_its_path(path):
    file = AtomicFile(path)
    file.write(b"data")
    (part,) = names(path)
    assert part.startswith("backup.db.")
    assert part.endswith(".part")
    file.commit()
    assert (names(path), path.read_bytes()) == (["backup.db"], b"data")


def test_committing_replaces_what_is_there(path):
    path.write_text("old")
    file = AtomicFile(str(path))
    file.write(b"new")
    assert path.read_text() == "old"
    file.commit()
    assert path.read_text() == "new"


@pytest.mark.parametrize("written", [b"", b"half"])
def test_discarding_leaves_what_is_there(path, written):
    path.write_text("old")
    file = AtomicFile(path)
    file.write(written)
    file.discard()
    file.discard()
    assert (names(path), path.read_text()) == (["backup.db"], "old")


def test_discarding_after_the_commit_does_nothing(path):
    file = AtomicFile(path)
    file.write(b"data")
    file.commit()
    file.discard()
    assert path.read_bytes() == b"data"


def test_only_its_owner_can_read_it(path):
    file = AtomicFile(path)
    assert os.stat(path.parent / names(path)[0]).st_mode & 0o077 == 0
    file.commit()
    assert path.stat().st_mode & 0o077 == 0


def test_two_files_for_one_path_do_not_meet(path):
    one, other = AtomicFile(path), AtomicFile(path)
    one.write(b"one")
    other.write(b"other")
    one.commit()
    other.commit()
    assert (names(path), path.read_bytes()) == (["backup.db"], b"other")


def test_data_is_on_the_disk_before_it_replaces_the_path(path, monkeypatch):
    steps = []
    monkeypatch.setattr(os, "fsync", lambda handle: steps.append("fsync"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *args: steps.append("replace") or replace(*args))
    write_atomically(path, b"data")
    assert steps == ["fsync", "replace"]


def test_a_failure_to_write_leaves_what_is_there(path, monkeypatch):
    path.write_text("old")

    def full(handle):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, b"new")
    assert (names(path), path.read_text()) == (["backup.db"], "old")


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        AtomicFile(tmp_path / "missing" / "backup.db")


def test_a_folder_that_does_not_exist_is_named_and_not_the_temporary_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        AtomicFile(tmp_path / "none" / "backup.db")
    assert (caught.value.strerror, caught.value.filename) == ("this folder does not exist", str(tmp_path / "none"))


def test_a_folder_that_is_a_file_is_named_with_the_reason(path):
    path.write_text("a file")
    with pytest.raises(NotADirectoryError, match="no file can be created: Not a directory") as caught:
        AtomicFile(path / "backup.db")
    assert caught.value.filename == str(path)
