from __future__ import annotations

import logging
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from etcd_factory.config import load_config, read

EXTENSIONS = "yaml, yml, json, toml, py"


@pytest.fixture
def base(write):
    write("config/config.default.yaml", "{a: default, base: 1}")
    return write


def test_the_default_source_is_the_directory_config(base):
    assert load_config() == {"a": "default", "base": 1}


@pytest.mark.parametrize("source", ["config", Path("config"), "config/"])
def test_a_directory_has_the_base_layer_and_the_environments(base, source):
    base("config/config.local.yaml", "a: local")
    base("config/config.prod.yaml", "a: prod")
    assert load_config(source, env="local") == {"a": "local", "base": 1}


@pytest.mark.parametrize(
    ("ending", "text"),
    [("yaml", "a: 2"), ("yml", "a: 2"), ("json", '{"a": 2}'), ("toml", "a = 2"), ("py", "a = 2")],
)
def test_every_format_is_read(base, ending, text):
    base(f"config/anything.prod.{ending}", text)
    assert load_config() == {"a": 2, "base": 1}


def test_a_missing_environment_file_is_fine(base):
    assert load_config(env="nowhere") == {"a": "default", "base": 1}


def test_files_of_one_layer_merge_by_name(base):
    base("config/b.prod.yaml", "{a: b, b: 1}")
    base("config/a.prod.json", '{"a": "a", "c": 1}')
    assert load_config() == {"a": "b", "b": 1, "c": 1, "base": 1}


@pytest.mark.parametrize(
    "name",
    [
        "config.yaml",
        "prod.yaml",
        "config.staging.yaml",
        ".config.prod.yaml",
        "config.prod.yaml~",
        "config.prod.yaml.bak",
        "sub/config.prod.yaml",
        "README",
    ],
)
def test_other_files_of_a_directory_are_skipped_silently(base, name, caplog):
    base(f"config/{name}", "a: wrong")
    with caplog.at_level(logging.INFO, "etcd_factory.config"):
        assert load_config() == {"a": "default", "base": 1}
    assert not caplog.records


@pytest.mark.parametrize("name", ["config.prod.ini", "config.default.conf", "config.prod.YAML"])
def test_a_file_of_an_active_layer_with_another_extension_logs_a_warning(base, name, caplog):
    base(f"config/{name}", "a: wrong")
    assert load_config() == {"a": "default", "base": 1}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"config/{name} is not read: its extension is not one of {EXTENSIONS}" in caplog.text


@pytest.mark.parametrize(
    ("env", "expected"),
    [("prod", "prod"), ("production", "production"), ("test", "test"), ("unittest", "unittest")],
)
def test_the_files_of_the_aliased_environment_are_read_first(base, env, expected):
    for word in ("prod", "production", "unittest", "test"):
        # The name would sort the higher one first.
        base(f"config/{'z' if word in ('prod', 'unittest') else 'a'}.{word}.yaml", f"{{a: {word}, {word}: 1}}")
    tree = load_config(env=env)
    assert tree.a == expected
    assert len(tree) == (4 if env in ("production", "test") else 3)


def test_a_later_source_wins_only_within_a_layer(base):
    base("config/config.prod.yaml", "{a: prod1, b: prod1}")
    base("more/config.default.yaml", "{a: more, base: 2}")
    base("more/config.prod.yaml", "b: prod2")
    assert load_config("config", "more") == {"a": "prod1", "base": 2, "b": "prod2"}


def test_a_directory_may_have_dots_in_its_name(write):
    write("conf.d.yaml/a.default.yaml", "a: 1")
    assert load_config("conf.d.yaml") == {"a": 1}


def test_a_missing_directory_is_reported_with_its_absolute_path(faults, tmp_path):
    assert faults("nowhere") == [f"nowhere: no such directory; looked at {tmp_path}/nowhere"]
    assert faults() == [f"config: no such directory; looked at {tmp_path}/config"]


def test_a_directory_without_a_base_layer_is_reported_with_the_other_faults(write, faults, tmp_path):
    write("config/config.prod.yaml", "a: [")
    base, broken = faults()
    assert base == f"config: no *.default.* file (of {EXTENSIONS}); looked in {tmp_path}/config"
    assert broken.startswith("config/config.prod.yaml: line 1: ")


def test_a_directory_that_cannot_be_listed_is_a_fault(base, faults, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.listdir", refuse)
    assert faults()[0].startswith("config: cannot list this directory: Permission denied; looked at /")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("settings.yaml", "base"), ("a.default.yaml", "base"), ("a.prod.yaml", "env"), (".etcd.yaml", "base")],
)
def test_the_name_of_a_file_decides_its_layer(base, name, expected):
    base(name, "{a: mine, base: 2}")
    base("config/config.prod.yaml", "a: prod")
    assert load_config(name, "config").a == "prod"
    assert load_config("config", name).a == ("mine" if expected == "env" else "prod")


def test_skipping_a_file_of_another_environment_is_logged(base, caplog):
    base("a.staging.yaml", "a: wrong")
    with caplog.at_level(logging.INFO, "etcd_factory.config"):
        assert load_config("config", "a.staging.yaml").a == "default"
    assert "a.staging.yaml is not read: it belongs to the environment 'staging'" in caplog.text


def test_a_load_without_any_file_reports_what_it_looked_for(write, faults, monkeypatch):
    write("a.local.yaml", "a: 1")
    monkeypatch.setenv("ETCD_FACTORY__A", "1")
    assert faults("a.local.yaml", env="production") == [
        "a.local.yaml: nothing was read; looked for the files of default and prod and production"
    ]


@pytest.mark.parametrize("name", ["config.prod.yaml", "config.stagin.yaml"])
def test_a_missing_file_is_a_fault_that_suggests_the_nearest_name(write, faults, tmp_path, name):
    write("conf/config.staging.yaml", "a: 1")
    (fault,) = faults(f"conf/{name}")
    assert fault.startswith(f"conf/{name}: no such file; looked at {tmp_path}/conf/{name}; did you mean ")
    assert fault.endswith("'config.staging.yaml'?")


def test_a_missing_file_in_a_missing_directory_is_a_fault(faults, tmp_path):
    assert faults("no/a.yaml") == [f"no/a.yaml: no such file; looked at {tmp_path}/no/a.yaml"]


@pytest.mark.parametrize("name", ["a.prod.ini", "a.xml", "plain"])
def test_an_unknown_extension_is_a_fault_that_lists_the_known_ones(write, faults, name):
    write(name, "a: 1")
    assert faults(name) == [f"{name}: unknown extension; expected one of {EXTENSIONS}"]


@pytest.mark.parametrize("source", [5, None, b"config", ["config"]])
def test_any_other_source_is_a_type_error(source):
    with pytest.raises(TypeError, match=f"a directory, a file or a mapping, not {type(source).__name__}"):
        load_config(source)


def test_plain_mappings_override_the_environment_in_their_order(base):
    base("config/config.prod.yaml", "{a: prod, b: prod}")
    tree = load_config({"a": 1, "c": 1}, "config", {"c": 2})
    assert tree == {"a": 1, "b": "prod", "base": 1, "c": 2}


def test_a_mapping_by_environment_keeps_its_position_among_the_sources(base):
    base("config/config.prod.yaml", "{a: file, b: file}")
    values = {"default": {"base": 2, "x": 1}, "prod": {"a": "mapping"}, "local": {"a": "wrong"}}
    assert load_config("config", values) == {"a": "mapping", "b": "file", "base": 2, "x": 1}
    assert load_config(values, "config") == {"a": "file", "b": "file", "base": 1, "x": 1}


def test_an_environment_of_a_mapping_may_be_empty():
    assert load_config({"default": {"a": 1}, "prod": None}) == {"a": 1}


@pytest.mark.parametrize(
    ("source", "label"),
    [({"default": 5}, "mapping 1 [default]"), ({"default": Path("x.yaml")}, "mapping 1 [default]")],
)
def test_an_environment_that_is_not_a_mapping_is_a_fault(faults, source, label):
    kind = type(source["default"]).__name__
    assert faults(source) == [f"{label}: expected a mapping, got {kind}"]


def test_an_omegaconf_tree_is_a_mapping_whatever_its_flags():
    source = OmegaConf.create({"a": "${b}", "b": 1, "c": "???"})
    OmegaConf.set_readonly(source, True)
    tree = load_config(source, {"b": 2, "c": 3})
    assert (tree.a, tree.c) == (2, 3)


def test_labels_count_the_mappings_and_name_the_environment(base):
    base("config/config.prod.yaml", "p: 1")
    loaded = read({"one": 1}, "config", {"default": {"two": 1}, "prod": {"three": 1}})
    assert loaded.origins == {
        ("base",): "config/config.default.yaml",
        ("a",): "config/config.default.yaml",
        ("p",): "config/config.prod.yaml",
        ("one",): "mapping 1",
        ("two",): "mapping 2 [default]",
        ("three",): "mapping 2 [prod]",
    }
