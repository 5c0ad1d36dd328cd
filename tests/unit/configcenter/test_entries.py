"""How values are written in etcd, and what tree they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory.config.loader import assembled
from etcd_factory.config.variables import read
from etcd_factory.configcenter.entries import audience, key_of, parts, path_of, written
from etcd_factory.errors import ConfigError

TEXT = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: "${" not in text)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(SCALAR, lambda each: st.lists(each) | st.dictionaries(TEXT, each), max_leaves=10)


def again(value):
    """A value that was written and read."""
    return read(written(value), "etcd config/k")


def tree(entries, *names):
    """The configuration as it is for these names."""
    return assembled(parts(entries, names, "config/")).checked().tree


def faults(entries, *names):
    """The texts of all that is wrong."""
    with pytest.raises(ConfigError) as caught:
        tree(entries, *names)
    return [str(fault) for fault in caught.value.faults]


# --- values


@given(JSON)
def test_what_is_written_is_read_as_it_was(value):
    assert again(value) == value
    assert type(again(value)) is type(value)


LOOKS = ["", " ", "5", "1e3", "1_000", "0x1f", "5.5", ".5", "-1", ".inf", ".nan", "true", "on", "no", "null", "~"]
LOOKS += ["2020-01-01", "1:30", "a: b", "- a", "[1]", "{}", "# a", "a # b", "'a'", '"a"', "&a", "*a", "!a", "|", "---"]
LOOKS += [
    " a ",
    "a\n",
    "a\nb",
    "\t",
    "\x00",
    "\x7f",
    "\ufeffa",
    "\u2028",
    "\u00e4",
    "\U0001f600",
    "@a",
    "`a`",
    "%a",
    "???",
]


@pytest.mark.parametrize("text", LOOKS)
def test_text_stays_text_whatever_it_looks_like(text):
    assert again(text) == text
    assert again([text, {text: text}]) == [text, {text: text}]


@pytest.mark.parametrize("number", [float("inf"), -float("inf"), 1e16, 1e-7, 10**30, 5, 5.0])
def test_a_number_stays_a_number(number):
    assert again(number) == number
    assert type(again(number)) is type(number)


def test_that_which_is_no_number_stays_so():
    assert repr(again(float("nan"))) == "nan"


@pytest.mark.parametrize("value", [{"k" * 2000: 1}, "${", "a${", "${a"], ids=["long key", "${", "a${", "${a"])
def test_what_yaml_can_not_hold_is_refused_when_it_is_saved(value):
    with pytest.raises(ValueError, match="YAML can't hold"):
        written(value)


def test_text_that_reads_as_itself_is_written_as_it_is():
    assert [written(text) for text in ("debug", "a=b", "${db.host}", "http://a:1/b")] == [
        "debug",
        "a=b",
        "${db.host}",
        "http://a:1/b",
    ]


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_is_no_value_of_a_configuration_is_a_type_error(value):
    with pytest.raises(TypeError):
        written(value)


# --- keys


@pytest.mark.parametrize("key", ["db", "db/port", "db.port", "a-b_c", "a@b"])
def test_a_key_stays_as_it_is(key):
    assert key_of(key) == key
    assert key_of(key, "w1") == f"@w1/{key}"


@pytest.mark.parametrize("key", ["", "/", ".", "/db", "db/", "db//port", "db..port", "db./port", "@w1/db"])
def test_what_is_no_key_is_refused_with_advice(key):
    with pytest.raises(ValueError, match="is no key: write it like 'db/port'"):
        key_of(key)


@pytest.mark.parametrize("key", [None, 5, b"db", ["db"]])
def test_a_key_of_another_type_is_refused(key):
    with pytest.raises(TypeError, match="a key is a str, not"):
        key_of(key)


@pytest.mark.parametrize("name", ["", "a/b", "/", None, 5])
def test_what_is_no_name_of_an_instance_is_refused(name):
    with pytest.raises(ValueError, match="the name of an instance or a group"):
        audience(name)


def test_dots_and_slashes_both_go_one_level_down():
    assert path_of("a/b.c") == path_of("a.b/c") == ("a", "b", "c")


# --- the tree


def test_keys_make_a_tree():
    found = tree({"level": "info", "db/port": "5432", "db.host": "here", "db/pool/size": "3"})
    assert found == {"level": "info", "db": {"port": 5432, "host": "here", "pool": {"size": 3}}}


def test_nothing_is_an_empty_tree():
    assert tree({}) == {}


def test_one_place_written_in_two_ways_is_an_error_that_names_both():
    (fault,) = faults({"a.b": "1", "a/b": "2"})
    assert fault == "etcd config/a/b: a.b: is already set by etcd config/a.b"


def test_a_value_below_another_that_is_no_mapping_is_an_error_that_names_both():
    (fault,) = faults({"a": "1", "a/b": "2"})
    assert fault == "etcd config/a/b: a.b: is already set by etcd config/a"


@pytest.mark.parametrize(("above", "below"), [("a", "a/y"), ("a.b", "a/b/y"), ("a/b", "a/b/y"), ("a/b", "a.b.y")])
def test_a_mapping_takes_in_what_stands_below_it(above, below):
    found = tree({above: '{"x": 1}', below: "2"})
    assert found == tree({f"{above}/x": "1", f"{above}/y": "2"})


def test_a_mapping_and_a_deeper_key_that_set_one_value_are_an_error():
    (fault,) = faults({"a": "{x: 1}", "a/x": "2"})
    assert fault == "etcd config/a/x: a.x: is already set by etcd config/a"


def test_all_faults_are_told_with_their_keys():
    found = faults({"a": "[", "b": "1", "b/c": "2", "good": "3", "@w1/d": "{"}, "w1")
    assert found == [
        "etcd config/a: is not valid YAML; put the value in quotes",
        "etcd config/b/c: b.c: is already set by etcd config/b",
        "etcd config/@w1/d: is not valid YAML; put the value in quotes",
    ]


@pytest.mark.parametrize("key", ["", "a//b", "/a", "a/"])
def test_a_key_that_another_wrote_with_an_empty_part_is_told_in_words_that_fit_etcd(key):
    (fault,) = faults({key: "1"})
    assert fault.startswith(f"etcd config/{key}: ")
    assert "empty" in fault
    assert "ETCD_FACTORY__" not in fault


# --- for some instances only


OVERRIDES = {"x": "0", "y": "all", "@one/x": "1", "@two/x": "2", "@w1/x": "3", "@one/db/z": "4"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), {"x": 0, "y": "all"}),
        (("one",), {"x": 1, "y": "all", "db": {"z": 4}}),
        (("one", "two"), {"x": 2, "y": "all", "db": {"z": 4}}),
        (("two", "one"), {"x": 1, "y": "all", "db": {"z": 4}}),
        (("one", "two", "w1"), {"x": 3, "y": "all", "db": {"z": 4}}),
        (("another",), {"x": 0, "y": "all"}),
    ],
)
def test_what_is_for_the_last_name_counts(names, expected):
    assert tree(OVERRIDES, *names) == expected


def test_a_name_is_not_taken_for_one_that_begins_like_it():
    assert tree({"@w1/x": "1", "@w10/x": "2"}, "w1") == {"x": 1}


def test_a_value_knows_the_key_that_it_came_from():
    loaded = assembled(parts(OVERRIDES, ["one"], "config/"))
    assert [loaded.origin(path) for path in (("x",), ("y",), ("db", "z"))] == [
        "etcd config/@one/x",
        "etcd config/y",
        "etcd config/@one/db/z",
    ]
