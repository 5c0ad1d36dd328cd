"""Sources that would hang the start, or end in an error that says nothing."""

from __future__ import annotations

import os
import socket
import time

import pytest

from etcd_factory.config import load_config

FORMATS = {
    "yaml": lambda levels: "{a: " * levels + "1" + "}" * levels,
    "json": lambda levels: '{"a": ' * levels + "1" + "}" * levels,
    "toml": lambda levels: "a = " + "{a = " * levels + "1" + "}" * levels,
    "py": lambda levels: f"a = 1\nfor _ in range({levels}):\n    a = {{'a': a}}\n",
}


@pytest.mark.parametrize("levels", [40, 300, 3000, 100_000])
@pytest.mark.parametrize("ending", FORMATS)
def test_values_nested_too_deeply_are_a_fault_of_their_file(write, faults, ending, levels):
    write(f"a.{ending}", FORMATS[ending](levels))
    (fault,) = faults(f"a.{ending}")
    assert fault.startswith(f"a.{ending}: ")
    assert "nested" in fault or "nesting" in fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = {}\na['b'] = {'c': a}", "a.py: a: contains itself"),
        ("a = []\na.append(a)", "a.py: a: contains itself"),
        (
            "def config(info, merged):\n    found = {}\n    found['a'] = found\n    return found",
            "a.py: a: contains itself",
        ),
    ],
)
def test_values_that_contain_themselves_are_a_fault_of_their_file(write, faults, text, fault):
    write("a.py", text)
    assert faults("a.py") == [fault]


def test_values_that_contain_themselves_are_a_fault_in_every_other_layer(write, faults, monkeypatch):
    circle = {}
    circle["a"] = circle
    assert faults(circle) == ["mapping 1: a: contains itself"]
    assert faults({"default": circle}) == ["mapping 1 [default]: a: contains itself"]
    assert faults({"x": 1}, filters=[lambda layer: circle]) == ["mapping 1: a: contains itself"]
    write("a.yaml", "a: &a {b: *a}")
    assert faults("a.yaml") == ["a.yaml: line 1: an alias contains itself"]


def test_a_variable_with_too_many_parts_is_a_fault(faults, monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY__" + "__".join(["A"] * 3000), "1")
    (fault,) = faults({})
    assert fault.startswith("$ETCD_FACTORY__A__A__")
    assert fault.endswith("...: nested more than 32 levels deep")
    assert len(fault) < 200


@pytest.mark.parametrize("source", ["config", "config/config.default.yaml"])
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_not_a_regular_file_is_a_fault_and_is_not_read(write, faults, monkeypatch, source, kind):
    write("config/config.local.yaml", "a: 1")
    monkeypatch.chdir("config")
    if kind == "pipe":
        os.mkfifo("config.default.yaml")
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("config.default.yaml")
    monkeypatch.chdir("..")
    assert faults(source) == ["config/config.default.yaml: is not a regular file"]


def test_a_link_to_a_file_is_read_and_one_that_leads_nowhere_is_a_fault(write, faults):
    write("elsewhere.yaml", "a: 1")
    write("config/x.default.yaml", "b: 1")
    os.symlink("../elsewhere.yaml", "config/y.default.yaml")
    assert load_config() == {"a": 1, "b": 1}
    os.remove("elsewhere.yaml")
    assert faults() == ["config/y.default.yaml: cannot read the file: No such file or directory"]


@pytest.mark.parametrize("env", ["../prod", "a/b", "a\\b", "a\0b", "/", "prod/"])
def test_an_environment_that_cannot_be_part_of_a_file_name_is_a_fault(write, faults, monkeypatch, env):
    write("config/a.default.yaml", "a: 1")
    fault = f"env: the name of an environment is a part of a file name, got {env!r}"
    assert faults(env=env) == [fault]
    if "\0" not in env:  # the operating system has no such variable
        monkeypatch.setenv("ETCD_FACTORY_ENV", env)
        assert faults() == [fault]


@pytest.mark.parametrize("source", ["con\0fig", "a\0.yaml", "x" * 5000, "x" * 300 + ".yaml"])
def test_a_path_that_no_file_can_have_is_a_fault(faults, source):
    (fault,) = faults(source)
    assert "no such" in fault or "cannot" in fault


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"hosts": [' + ", ".join(f'"h{number}:2379"' for number in range(100_000)) + "]}"),
        ("a.toml", "\n".join(f"a.b{number}.c = 1" for number in range(100_000))),
        ("a.py", "a = list(range(100_000))"),
    ],
    ids=["json", "toml", "py"],
)
def test_more_values_than_a_configuration_may_have_are_a_fault_at_once(write, faults, name, text):
    write(name, text)
    start = time.process_time()
    (fault,) = faults(name)
    assert fault.endswith(", more than the 50000 that a configuration may have")
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 100_000) + " = 1",
        ".".join(f'"a{number}"' for number in range(100_000)) + " = 1",
        "[" + " . ".join(["a"] * 100_000) + "]",
    ],
    ids=["bare", "quoted", "table"],
)
def test_a_toml_key_of_very_many_parts_is_a_fault_at_once(write, faults, text):
    write("a.toml", text)
    start = time.process_time()
    assert faults("a.toml") == ["a.toml: nested too deeply"]
    assert time.process_time() - start < 2


@pytest.mark.parametrize("quote", ['"', "'", '"""\n', "'''\n", "1 # "])
def test_dots_in_the_texts_and_comments_of_toml_are_not_parts_of_keys(write, quote):
    end = "" if "#" in quote else quote.strip()
    write("a.toml", f"a = {quote}{'x.' * 100}{end}")
    assert "a" in load_config("a.toml")


@pytest.mark.parametrize(
    "name",
    ["a\0b", "a\0b.yaml", "x" * 5000, "x" * 5000 + ".yaml", "y/" + "x" * 5000 + "/a.yaml"],
    ids=["directory-nul", "file-nul", "directory-long", "file-long", "parent-long"],
)
def test_names_that_no_file_can_have_are_a_fault(faults, name):
    (fault,) = faults(name)
    assert fault.startswith(name)


def test_a_large_list_is_not_mistaken_for_shared_parts(write):
    write("a.yaml", "a: [" + ", ".join(map(str, range(12_000))) + "]")
    assert len(load_config("a.yaml").a) == 12_000


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("a.json", '{"auth": {"password": {"hunter2": 1, "hunter2": 2}}}', "auth.password: found a duplicate key"),
        ("a.json", '{"auth": {"hunter2": 1, "hunter2": 2}}', "auth: found duplicate key ***"),
        ("a.json", '{"clients": {"a": {"timeout": 1, "timeout": 2}}}', "clients.a: found duplicate key timeout"),
        ("a.yaml", "auth: {password: {hunter2: 1, hunter2: 2}}", "line 1: found a duplicate key"),
        ("a.yaml", "auth: {hunter2: 1, hunter2: 2}", "line 1: found duplicate key ***"),
        ("a.yaml", "password: !!int hunter2", "a value is not what its tag says, or is too long a number"),
        ("a.toml", "[auth.hunter2]\n[auth.hunter2]", "Cannot declare a table twice (at line 2, column 14)"),
    ],
)
def test_no_part_of_a_secret_is_quoted(write, faults, name, text, shown):
    write(name, text)
    assert faults(name) == [f"{name}: {shown}"]
