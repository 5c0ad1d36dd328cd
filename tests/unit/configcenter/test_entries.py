"""How values are stored in etcd, and which tree they form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from etcd_factory.config.loader import assembled
from etcd_factory.config.variable_values import read
from etcd_factory.configcenter.entries import audience, key_of, parsed, parts, path_of, spellings, text, to_text
from etcd_factory.errors import ConfigError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
JSON = st.recursive(SCALAR, lambda each: st.lists(each) | st.dictionaries(TEXT, each), max_leaves=10)


def stored(value):
    """A value that was written and read."""
    return read(to_text(value), "etcd config/k", resolve=False)


def tree(entries, *names, resolve=False):
    """The configuration for these names."""
    return assembled(parts(entries, names, "config/", resolve=resolve)).checked().tree


def faults(entries, *names):
    """The texts of all faults."""
    with pytest.raises(ConfigError) as caught:
        tree(entries, *names)
    return [str(fault) for fault in caught.value.faults]


# --- values


@given(JSON)
def test_a_value_is_read_as_it_was_written(value):
    assert stored(value) == value
    assert type(stored(value)) is type(value)


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


@pytest.mark.parametrize("value", LOOKS)
def test_text_stays_text_whatever_it_looks_like(value):
    assert stored(value) == value
    assert stored([value, {value: value}]) == [value, {value: value}]


@pytest.mark.parametrize("number", [float("inf"), -float("inf"), 1e16, 1e-7, 10**30, 5, 5.0])
def test_a_number_stays_a_number(number):
    assert stored(number) == number
    assert type(stored(number)) is type(number)


def test_nan_stays_nan():
    assert repr(stored(float("nan"))) == "nan"


@pytest.mark.parametrize("value", ["${", "a${", "${a"])
def test_an_unclosed_interpolation_is_refused_where_it_would_be_resolved(value):
    assert stored(value) == value
    with pytest.raises(ValueError, match="cannot be written as YAML: it contains an unclosed"):
        to_text(value, resolve=True)


@pytest.mark.parametrize("resolve", [False, True])
def test_what_cannot_be_written_as_yaml_is_refused(resolve):
    with pytest.raises(ValueError, match="cannot be written as YAML: it contains"):
        to_text({"k" * 2000: 1}, resolve=resolve)


@pytest.mark.parametrize("text", ["${oc.env:HOME}", "${a}", "${", "a${b}c", "\\${x}", "\\\\${x}", "${nothing:x}"])
def test_what_looks_like_an_interpolation_is_data(text):
    found = tree({"a": to_text(text), "b": to_text([text, {"c": text}])})
    assert found.a == text
    assert OmegaConf.to_container(found, resolve=True) == {"a": text, "b": [text, {"c": text}]}


def test_interpolations_are_resolved_if_they_are_to_be():
    assert tree({"a": "${b}", "b": "1"}, resolve=True).a == 1


def test_text_that_reads_as_itself_is_written_unchanged():
    assert [to_text(value) for value in ("debug", "a=b", "${db.host}", "http://a:1/b")] == [
        "debug",
        "a=b",
        "${db.host}",
        "http://a:1/b",
    ]


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_what_is_not_a_value_of_a_configuration_is_a_type_error(value):
    with pytest.raises(TypeError):
        to_text(value)


@pytest.mark.parametrize(("written", "expected"), [("5", 5), ("a: b", {"a": "b"}), ("[", None), ("", None)])
def test_invalid_yaml_is_parsed_as_none(written, expected):
    assert parsed(written) == expected


@pytest.mark.parametrize(("data", "expected"), [(b"a\xc3\xa4", "a\u00e4"), (b"[\xff", "[\\xff")])
def test_bytes_are_shown_as_text_whatever_they_are(data, expected):
    assert text(data) == expected


# --- keys


@pytest.mark.parametrize("key", ["db", "db/port", "db.port", "a-b_c", "a@b"])
def test_a_valid_key_is_unchanged(key):
    assert key_of(key) == key
    assert key_of(key, "w1") == f"@w1/{key}"


@pytest.mark.parametrize("key", ["/", ".", "/db", "db/", "db//port", "db..port", "db./port", "@w1/db"])
def test_an_invalid_key_is_refused_with_advice(key):
    with pytest.raises(ValueError, match=f"invalid key {key!r}; write it like 'db/port' or 'db.port'"):
        key_of(key)


def test_an_empty_key_is_refused():
    with pytest.raises(ValueError, match="a key must not be empty"):
        key_of("")


@pytest.mark.parametrize("key", [None, 5, b"db", ["db"]])
def test_a_key_of_another_type_is_refused(key):
    with pytest.raises(TypeError, match="a key must be a str, not"):
        key_of(key)


@pytest.mark.parametrize(
    ("name", "error"), [("", ValueError), ("a/b", ValueError), ("/", ValueError), (None, TypeError), (5, TypeError)]
)
def test_an_invalid_name_of_an_instance_is_refused(name, error):
    with pytest.raises(error, match="the name of an instance or a group must"):
        audience(name)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("db", ["db"]), ("db/port", ["db/port", "db.port"]), ("a.b/c", ["a.b/c", "a/b/c", "a.b.c"])],
)
def test_a_key_is_looked_up_under_every_spelling_the_given_one_first(key, expected):
    assert spellings(key) == expected


def test_dots_and_slashes_both_separate_levels():
    assert path_of("a/b.c") == path_of("a.b/c") == ("a", "b", "c")


# --- the tree


def test_keys_form_a_tree():
    found = tree({"level": "info", "db/port": "5432", "db.host": "here", "db/pool/size": "3"})
    assert found == {"level": "info", "db": {"port": 5432, "host": "here", "pool": {"size": 3}}}


def test_no_keys_are_an_empty_tree():
    assert tree({}) == {}


def test_one_value_under_two_spellings_is_a_fault_that_names_both():
    (fault,) = faults({"a.b": "1", "a/b": "2"})
    assert fault == "etcd config/a/b: a.b: is already set by etcd config/a.b"


def test_a_value_below_one_that_is_not_a_mapping_is_a_fault_that_names_both():
    (fault,) = faults({"a": "1", "a/b": "2"})
    assert fault == "etcd config/a/b: a.b: is already set by etcd config/a"


@pytest.mark.parametrize(("above", "below"), [("a", "a/y"), ("a.b", "a/b/y"), ("a/b", "a/b/y"), ("a/b", "a.b.y")])
def test_a_mapping_includes_the_keys_below_it(above, below):
    found = tree({above: '{"x": 1}', below: "2"})
    assert found == tree({f"{above}/x": "1", f"{above}/y": "2"})


def test_a_mapping_and_a_deeper_key_that_set_one_value_are_a_fault():
    (fault,) = faults({"a": "{x: 1}", "a/x": "2"})
    assert fault == "etcd config/a/x: a.x: is already set by etcd config/a"


def test_all_faults_are_reported_with_their_keys():
    found = faults({"a": "[", "b": "1", "b/c": "2", "good": "3", "@w1/d": "{"}, "w1")
    assert found == [
        "etcd config/a: is not valid YAML; put the value in quotes",
        "etcd config/b/c: b.c: is already set by etcd config/b",
        "etcd config/@w1/d: is not valid YAML; put the value in quotes",
    ]


@pytest.mark.parametrize("key", ["", "a//b", "/a", "a/"])
def test_a_stored_key_with_an_empty_part_is_reported_in_words_that_fit_etcd(key):
    (fault,) = faults({key: "1"})
    assert fault.startswith(f"etcd config/{key}: ")
    assert "empty" in fault
    assert "ETCD_FACTORY__" not in fault


# --- overrides


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
def test_the_last_name_takes_precedence(names, expected):
    assert tree(OVERRIDES, *names) == expected


def test_a_name_does_not_match_one_that_it_is_a_prefix_of():
    assert tree({"@w1/x": "1", "@w10/x": "2"}, "w1") == {"x": 1}


def test_the_origin_of_a_value_is_its_key():
    loaded = assembled(parts(OVERRIDES, ["one"], "config/"))
    assert [loaded.origin(path) for path in (("x",), ("y",), ("db", "z"))] == [
        "etcd config/@one/x",
        "etcd config/y",
        "etcd config/@one/db/z",
    ]
