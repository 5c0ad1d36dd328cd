from __future__ import annotations

import pytest

from etcd_factory.config.places import place

YAML = """\
# a comment
etcd:
  client:
    dialTimeout: 2
    hosts: [a]
  clients:
    one: {namespace: x/}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("etcd.client.hosts", 5),
        ("etcd.client.dial_timeout", 4),
        ("etcd.client.dialTimeout", 4),
        ("etcd.clients.one.namespace", 7),
        ("etcd.clients.other.namespace", 6),
    ],
)
def test_the_line_of_a_key(tmp_path, path, line):
    file = tmp_path / "a.default.yaml"
    file.write_text(YAML)
    assert place(str(file), path.split(".")) == f"{file}:{line}"


def test_json_is_yaml(tmp_path):
    file = tmp_path / "a.json"
    file.write_text('{"etcd":\n {"client":\n {"timeout": 1}}}')
    assert place(str(file), ["etcd", "client", "timeout"]) == f"{file}:3"


def test_a_key_that_is_written_twice_is_the_last_one(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\na: 2\n")
    assert place(str(file), ["a"]) == f"{file}:2"


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", "[etcd]"), ("a.py", "etcd = {}"), ("a.yaml", "{"), ("b.yaml", "x")]
)
def test_other_sources_are_named_without_a_line(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    assert place(str(file), ["etcd"]) == str(file)
    assert place("$ETCD_FACTORY__ETCD__X", ["etcd"]) == "$ETCD_FACTORY__ETCD__X"
