from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from etcd_factory.config import load_config
from etcd_factory.config.yaml_loader import load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e3", {"a": 1000.0}),
        ("a: 1e-3", {"a": 0.001}),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: yes", {"a": True}),
        ("a: 0x1F", {"a": 31}),
        ("1: x", {1: "x"}),
        (
            "a: &x {y: 1, z: 1}\nb: {<<: *x, y: 2}\nc: *x",
            {"a": {"y": 1, "z": 1}, "b": {"y": 2, "z": 1}, "c": {"y": 1, "z": 1}},
        ),
        (
            "a: &x {y: 1}\nb: &z {<<: *x}\nc: {<<: [*x, *z]}\nd: *z",
            {"a": {"y": 1}, "b": {"y": 1}, "c": {"y": 1}, "d": {"y": 1}},
        ),
        ("", None),
        ("~", None),
        ("word", "word"),
    ],
)
def test_a_document_is_read_as_omegaconf_reads_it(text, value):
    assert load(text) == value
    assert OmegaConf.to_container(OmegaConf.create({"x": value}))["x"] == value


def test_a_path_that_omegaconf_saved_is_read(tmp_path):
    OmegaConf.save(OmegaConf.create({"a": Path("/run/x")}), tmp_path / "a.yaml")
    assert load((tmp_path / "a.yaml").read_text()) == {"a": Path("/run/x")}


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: 1\na: 2", "found duplicate key a", 1),
        ("a:\n  b: 1\n  b: 2", "found duplicate key b", 2),
        ("1: a\n1: b", "found duplicate key 1", 1),
        ("a: &a [1, *a]", "an alias contains itself", 0),
        ("a: !!set {x}", "set is not a type of values here; write a list or text", 0),
        ("a: !!timestamp 2020-01-01", "timestamp is not a type of values here; write a list or text", 0),
        ("a: !own x", "could not determine a constructor for the tag '!own'", 0),
    ],
)
def test_an_invalid_document_is_an_error_with_its_line(text, problem, line):
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        load(text)
    assert (caught.value.problem, caught.value.problem_mark.line) == (problem, line)


@pytest.mark.parametrize("join", ["[{}]", "{{<<: [{}]}}"], ids=["lists", "merges"])
def test_aliases_that_grow_without_measure_are_an_error(join):
    lines = ["a0: &a0 {x: 1}"]
    for number in range(1, 12):
        lines.append(f"a{number}: &a{number} " + join.format(", ".join([f"*a{number - 1}"] * 10)))
    with pytest.raises(yaml.MarkedYAMLError, match="aliases make this document more than 100 times larger"):
        load("\n".join(lines))


def test_a_document_of_many_values_is_read(write):
    write("a.yaml", "\n".join(f"a{number}: {{x: [1, 2, 3], y: text}}" for number in range(3000)))
    assert len(load_config("a.yaml")) == 3000
