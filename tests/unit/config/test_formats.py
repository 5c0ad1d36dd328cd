from __future__ import annotations

import pytest

from etcd_factory.config import load_config
from etcd_factory.config.formats import from_json, from_toml, from_yaml


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (from_yaml, "a: {b: [1, two, null, true]}"),
        (from_json, '{"a": {"b": [1, "two", null, true]}}'),
    ],
)
def test_a_text_becomes_plain_values(read, text):
    assert read(text) == {"a": {"b": [1, "two", None, True]}}


def test_toml_becomes_plain_values():
    assert from_toml("[a]\nb = [1, 'two']") == {"a": {"b": [1, "two"]}}


def test_yaml_is_read_as_omegaconf_reads_it():
    assert from_yaml("{date: 2020-01-01, ref: '${a}', anchor: &x [1], again: *x}") == {
        "date": "2020-01-01",
        "ref": "${a}",
        "anchor": [1],
        "again": [1],
    }


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "a.json", "a.toml", "a.py"])
@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_is_an_empty_mapping(write, name, text):
    write(name, text)
    assert load_config(name) == {}


def test_a_file_of_comments_is_an_empty_mapping(write):
    write("a.yaml", "# nothing yet\n")
    assert load_config("a.yaml") == {}


@pytest.mark.parametrize("name", ["a.yaml", "a.json", "a.toml", "a.py"])
def test_a_byte_order_mark_is_not_part_of_the_text(write, name):
    write(name, b"\xef\xbb\xbf" + (b'{"a": 1}' if name == "a.json" else b"a: 1" if name == "a.yaml" else b"a = 1"))
    assert load_config(name) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.yaml", "a: 1\nb: [1\n", "a.yaml: line 2: "),
        ("a.yaml", "a: 1\nb: c: d\n", "a.yaml: line 2: mapping values are not allowed "),
        ("a.yml", "a: 1\nc: 2\na: 2\n", "a.yml: line 3: found duplicate key a"),
        ("a.yaml", "a: 1\nb: \x07\n", "a.yaml: line 2: "),
        ("a.yaml", "a: 1\n--- \nb: 1\n", "a.yaml: line 2: but found another document"),
        ("a.json", '{"a": 1,\n"b" 2}', "a.json: line 2: Expecting ':' delimiter"),
        ("a.json", '{"a": {"b": 1,\n"b": 2}}', "a.json: a: found duplicate key b"),
        ("a.toml", "a = 1\nb = \n", "a.toml: Invalid value (at line 2, column 5)"),
        ("a.toml", "a = 1\na = 2\n", "a.toml: Cannot overwrite a value (at line 2, column 6)"),
        ("a.py", "a = 1\nb = (\n", "a.py: line 2: SyntaxError: '(' was never closed"),
    ],
)
def test_a_syntax_error_is_a_fault_with_its_line(write, faults, name, text, fault):
    write(name, text)
    (found,) = faults(name)
    assert found.startswith(fault)


@pytest.mark.parametrize("name", ["a.yaml", "a.json", "a.toml", "a.py"])
def test_a_file_that_is_not_utf8_is_a_fault_with_the_line(write, faults, name):
    write(name, b"# one\n# two\n# \xff\n")
    assert faults(name) == [f"{name}: line 3: not UTF-8"]


@pytest.mark.parametrize("name", ["config.default.yaml", "config.prod.py"])
def test_a_directory_instead_of_a_file_is_a_fault(write, faults, name):
    write("config/a.default.yaml", "")
    write(f"config/{name}/inner", "")
    assert faults() == [f"config/{name}: cannot read the file: Is a directory"]


def test_an_unreadable_file_is_a_fault(write, faults, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    write("a.yaml", "")
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    assert faults("a.yaml") == ["a.yaml: cannot read the file: Permission denied"]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.yaml", "word", "str"),
        ("a.yaml", "'a: 1'", "str"),
        ("a.yaml", "- 1", "list"),
        ("a.yaml", "0", "int"),
        ("a.json", "[]", "list"),
        ("a.json", "false", "bool"),
    ],
)
def test_a_root_that_is_not_a_mapping_is_a_fault(write, faults, name, text, kind):
    write(name, text)
    assert faults(name) == [f"{name}: expected a mapping, got {kind}"]


def test_all_faults_of_all_files_are_reported_at_once(write, faults):
    write("config/a.default.yaml", "a: [")
    write("config/b.prod.json", "{")
    write("config/c.prod.toml", "x")
    found = faults("config", "missing.yaml", {"default": 1})
    assert [fault.split(":")[0] for fault in found] == [
        "config/a.default.yaml",
        "missing.yaml",
        "mapping 1 [default]",
        "config/b.prod.json",
        "config/c.prod.toml",
    ]


@pytest.mark.parametrize(
    "text",
    ["password: !hunter2", "password: *hunter2", "password: '${hunter2'", "password: 'hunter2", "password: %hunter2"],
)
@pytest.mark.parametrize("way", ["file", "variable", "mapping"])
def test_a_fault_shows_no_part_of_a_value(write, faults, monkeypatch, text, way):
    write("a.yaml", text if way == "file" else "")
    values = {"password": "${hunter2"} if way == "mapping" else {}
    monkeypatch.setenv("ETCD_FACTORY__NOTE", text.split(": ")[1] if way == "variable" else "1")
    found = faults("a.yaml", values)
    assert len(found) == 1
    assert "hunter2" not in found[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", "a: {b: ['x${y']}"), ("a.json", '{"a": {"b": ["x${y"]}}'), ("a.py", "a = {'b': ['x${y']}")],
)
def test_an_invalid_interpolation_is_a_fault_with_its_key(write, faults, name, text):
    write(name, text)
    assert faults(name) == [f"{name}: a.b[0]: not a valid interpolation; write \\${{ for the text ${{"]


@pytest.mark.parametrize("text", ["a: {null: 1}", "a: {~: 1}"])
def test_an_invalid_key_is_a_fault(write, faults, text):
    write("a.yaml", text)
    assert faults("a.yaml") == ["a.yaml: a: a key must be text or a number"]


def test_an_unsupported_yaml_type_is_a_fault(write, faults):
    write("a.yaml", "b: 1\na: !!set {x, y}")
    assert faults("a.yaml") == ["a.yaml: line 2: set is not a type of values here; write a list or text"]


def test_toml_dates_stay_dates(write):
    write("a.toml", "a = 2020-01-02")
    assert load_config("a.toml").a.day == 2
