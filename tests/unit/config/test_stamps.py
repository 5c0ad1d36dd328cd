"""Whether sources have changed, without reading them."""

from __future__ import annotations

import os

import pytest

from etcd_factory.config.sources import Part
from etcd_factory.config.stamps import stamps

TEXT = "etcd: {client: {hosts: 'a:1'}}"
TIME = 1_700_000_000_000_000_000


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.default.yaml").write_text(TEXT)
    return tmp_path


def written_in_place(folder):
    (folder / "a.default.yaml").write_text(TEXT + " # longer")


def touched(folder):
    os.utime(folder / "a.default.yaml", ns=(TIME, TIME))


def replaced(folder):
    """By a file of the same size and time, as an editor may do."""
    found = os.stat(folder / "a.default.yaml")
    (folder / "a.default.yaml.part").write_text(TEXT)
    os.utime(folder / "a.default.yaml.part", ns=(found.st_atime_ns, found.st_mtime_ns))
    os.replace(folder / "a.default.yaml.part", folder / "a.default.yaml")


def added(folder):
    (folder / "a.prod.yaml").write_text("")


def removed(folder):
    (folder / "a.default.yaml").unlink()


@pytest.mark.parametrize("change", [written_in_place, touched, replaced, added, removed])
def test_a_change_in_a_directory_is_seen(folder, change):
    before = stamps([folder])
    assert stamps([str(folder)]) == before
    change(folder)
    assert stamps([folder]) != before


@pytest.mark.parametrize("change", [written_in_place, touched, replaced, removed])
def test_a_change_of_a_file_is_seen(folder, change):
    before = stamps([folder / "a.default.yaml"])
    change(folder)
    assert stamps([folder / "a.default.yaml"]) != before


def test_a_file_that_is_there_again_is_seen(folder):
    file = folder / "a.default.yaml"
    removed(folder)
    before = stamps([file])
    file.write_text(TEXT)
    assert stamps([file]) != before


@pytest.mark.parametrize("name", [".a.default.yaml.swp", "a.default.yaml~"])
def test_the_files_of_editors_are_not_seen(folder, name):
    before = stamps([folder])
    (folder / name).write_text("")
    assert stamps([folder]) == before


@pytest.mark.parametrize("source", ["", "app.default.yaml"])
def test_the_swap_of_a_config_map_is_seen(tmp_path, source):
    """Kubernetes mounts each version as a directory of its own, and links ``..data`` to the current one."""
    for version in ("..1", "..2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "app.default.yaml").write_text(TEXT)
        os.utime(tmp_path / version / "app.default.yaml", ns=(TIME, TIME))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "app.default.yaml").symlink_to("..data/app.default.yaml")
    before = stamps([tmp_path / source])
    (tmp_path / "..data_tmp").symlink_to("..2")
    os.replace(tmp_path / "..data_tmp", tmp_path / "..data")
    assert stamps([tmp_path / source]) != before


def test_a_link_to_another_file_is_seen_even_if_all_numbers_of_both_are_the_same(folder):
    """The number of a file that was removed may be given to the next one."""
    os.link(folder / "a.default.yaml", folder / "..other")
    link = folder / "link.yaml"
    link.symlink_to("a.default.yaml")
    before = stamps([link])
    link.unlink()
    link.symlink_to("..other")
    assert stamps([link]) != before


@pytest.mark.parametrize("source", ["no/such/file.yaml", "nul\0.yaml"])
def test_a_path_without_a_file_is_no_error(source):
    assert stamps([source]) == [(source,)]


def test_a_mapping_is_not_looked_at():
    assert stamps([{"etcd": {}}]) == []


def test_the_values_of_a_layered_source_are_seen():
    class Source:
        values = 1

        def config_layers(self):
            return [Part("", "mine", values={"a": self.values})]

    source = Source()
    before = stamps([source])
    assert stamps([source]) == before
    source.values = 2
    assert stamps([source]) != before
