from __future__ import annotations

import itertools

import pytest
from omegaconf import OmegaConf

from etcd_factory import ETCDServiceFactory
from etcd_factory.config import explain_config, load_config, read
from etcd_factory.config.resolvers import register_resolver

SHARED = {"hosts": ["a:1", "b:1"], "timeout": 5, "retry": {"attempts": 3, "initial": 0.1}}


def raw(*layers):
    return OmegaConf.to_container(load_config(*layers), resolve=False)


def loaded(*layers):
    return OmegaConf.to_container(load_config(*layers), resolve=True)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ({"c": "${shared}"}, {"c": {"timeout": 9}}, {**SHARED, "timeout": 9}),
        ({"c": "${shared}"}, {"c": {"retry": {"attempts": 9}}}, {**SHARED, "retry": {"attempts": 9, "initial": 0.1}}),
        ({"c": "${shared}"}, {"c": {"new": 1}}, {**SHARED, "new": 1}),
        ({"c": "${shared}"}, {"c": {}}, SHARED),
        (
            {"c": {"retry": "${shared.retry}"}},
            {"c": {"retry": {"attempts": 9}}},
            {"retry": {"attempts": 9, "initial": 0.1}},
        ),
        ({"c": "${d}", "d": "${shared}"}, {"c": {"timeout": 9}}, {**SHARED, "timeout": 9}),
        ({"c": "${d}", "d": "${shared}"}, {"c": {"x": 1}, "d": {"timeout": 9}}, {**SHARED, "timeout": 9, "x": 1}),
        ({"c": "${d.e}", "d": {"e": "${shared}"}}, {"c": {"x": 1}, "d": {"e": {"y": 1}}}, {**SHARED, "x": 1, "y": 1}),
        ({"c": "${d.retry}", "d": "${shared}"}, {"c": {"attempts": 9}}, {"attempts": 9, "initial": 0.1}),
        (
            {"c": "${d.retry}", "d": "${shared}"},
            {"c": {"x": 1}, "d": {"retry": {"attempts": 7}}},
            {"attempts": 7, "initial": 0.1, "x": 1},
        ),
        ({"c": "${list.0}", "list": [SHARED]}, {"c": {"timeout": 9}}, {**SHARED, "timeout": 9}),
        ({"c": "${list[0].retry}", "list": [SHARED]}, {"c": {"attempts": 9}}, {"attempts": 9, "initial": 0.1}),
        ({"c": "${all.${which}}", "all": {"x": SHARED}, "which": "x"}, {"c": {"timeout": 9}}, {**SHARED, "timeout": 9}),
        ({"c": "${oc.select:shared}"}, {"c": {"timeout": 9}}, {**SHARED, "timeout": 9}),
        ({"c": "${oc.create:{a: 1, b: 2}}"}, {"c": {"b": 9}}, {"a": 1, "b": 9}),
        ({"c": "${d}", "d": "${oc.create:{a: 1, b: 2}}"}, {"c": {"b": 9}}, {"a": 1, "b": 9}),
        ({"c": "${shared}"}, {"shared": {"timeout": 7}, "c": {"x": 1}}, {**SHARED, "timeout": 7, "x": 1}),
        ({"c": "${shared}"}, {"c": {"x": 1}, "shared": None}, {"x": 1}),
        ({"c": "${shared}"}, {"c": None}, None),
        ({"c": "${shared}"}, {"c": 5}, 5),
        ({"c": "${shared.hosts}"}, {"c": ["x"]}, ["x"]),
        ({"c": "${shared.hosts}"}, {"c": {"x": 1}}, {"x": 1}),
        ({"c": "${shared.timeout}"}, {"c": {"x": 1}}, {"x": 1}),
        ({"c": "a-${shared}"}, {"c": {"x": 1}}, {"x": 1}),
        ({"c": "${oc.env:NOWHERE_SET}"}, {"c": {"x": 1}}, {"x": 1}),
        ({"c": {"x": 1}}, {"c": "${shared}"}, SHARED),
    ],
)
def test_a_mapping_is_merged_over_what_an_interpolation_refers_to(low, high, expected):
    assert loaded({"shared": SHARED, **low}, high)["c"] == expected


def test_the_target_is_read_when_all_layers_are_merged():
    layers = [{"shared": {"a": 1, "b": 1}, "c": "${shared}"}, {"c": {"x": 1}}, {"shared": {"a": 2}}, {"c": {"y": 1}}]
    assert loaded(*layers)["c"] == {"a": 2, "b": 1, "x": 1, "y": 1}


def test_a_later_interpolation_replaces_the_mapping():
    layers = [{"a": {"x": 1}, "b": {"y": 1}, "c": "${a}"}, {"c": {"z": 1}}, {"c": "${b}"}]
    assert loaded(*layers)["c"] == {"y": 1}
    assert loaded(*layers, {"c": {"w": 1}})["c"] == {"y": 1, "w": 1}


def test_null_and_the_marker_of_a_missing_value_work_in_it():
    layers = [{"a": {"x": 1, "y": 2, "z": {"w": 1}}, "c": "${a}"}, {"c": {"x": None, "y": "???", "z": {"w": None}}}]
    assert loaded(*layers)["c"] == {"x": None, "y": 2, "z": {"w": None}}


def test_what_is_not_overridden_stays_an_interpolation(monkeypatch):
    tree = load_config(
        {"shared": {"host": "${oc.env:HOST_OF_TEST}", "other": "${n}"}, "c": "${shared}", "n": 1}, {"c": {"x": 1}}
    )
    monkeypatch.setenv("HOST_OF_TEST", "a")
    assert (tree.c.host, tree.c.other) == ("a", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${.y}", 9),
        ("${..out}", "out"),
        ("${..shared.y}", 1),
        ("${.deep.z}", 2),
        ("a ${..out} ${.y}", "a out 9"),
        (r"\${..out}", "${..out}"),
    ],
)
def test_relative_interpolations_keep_their_meaning(text, expected):
    low = {
        "app": {"out": "out", "shared": {"x": text, "y": 1, "deep": {"z": 2, "up": "${..y}"}}},
        "far": {"away": {"c": "${app.shared}"}},
    }
    tree = load_config(low, {"far": {"away": {"c": {"y": 9}}}})
    assert tree.far.away.c.x == expected
    assert tree.far.away.c.deep.up == 9
    assert tree.app.shared.y == 1


def test_an_interpolation_at_a_sibling_is_found():
    low = {"etcd": {"clients": {"a": {"hosts": ["a:1"], "timeout": 1}, "b": "${.a}", "c": "${etcd.clients.b}"}}}
    tree = loaded(low, {"etcd": {"clients": {"b": {"timeout": 2}, "c": {"timeout": 3}}}})
    assert tree["etcd"]["clients"] == {
        "a": {"hosts": ["a:1"], "timeout": 1},
        "b": {"hosts": ["a:1"], "timeout": 2},
        "c": {"hosts": ["a:1"], "timeout": 3},
    }


def test_an_option_is_overridden_in_any_spelling():
    low = {
        "shared": {"host": "a:1", "dialTimeout": 1, "credentials": {"serverName": "x"}},
        "etcd": {"client": "${shared}"},
    }
    tree = loaded(low, {"etcd": {"client": {"hosts": "b:1", "dial_timeout": 2, "tls": {"server_name": "y"}}}})
    assert tree["etcd"]["client"] == {"hosts": "b:1", "dial_timeout": 2, "tls": {"server_name": "y"}}


@pytest.mark.parametrize("way", ["variable", "file", "mapping", "script"])
def test_one_option_of_the_environment_does_not_send_a_client_elsewhere(write, monkeypatch, way):
    write("config/a.default.yaml", "{shared: {hosts: ['a:1'], timeout: 5}, etcd: {client: '${shared}'}}")
    sources = ["config"]
    if way == "variable":
        monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__TIMEOUT", "9")
    elif way == "file":
        write("config/a.prod.yaml", "{etcd: {client: {timeout: 9}}}")
    elif way == "script":
        write("config/a.prod.py", "def config(info, merged):\n    return {'etcd': {'client': {'timeout': 9}}}\n")
    else:
        sources.append({"etcd": {"client": {"timeout": 9}}})
    with ETCDServiceFactory.from_config(*sources) as factory:
        options = factory.get().options
    assert (options.hosts, options.timeout) == (("http://a:1",), 9)


def test_a_config_function_sees_the_merged_values(write):
    write("config/a.default.yaml", "{shared: {x: 1}, c: '${shared}'}")
    write("config/b.prod.yaml", "{c: {y: 2}}")
    write("config/c.prod.py", "def config(info, merged):\n    return {'seen': merged['c']}\n")
    assert load_config().seen == {"x": 1, "y": 2}


def test_every_value_has_the_label_of_the_layer_that_set_it():
    found = read({"shared": {"a": 1, "b": {"c": 1}}, "x": "${shared}"}, {"x": {"b": {"d": 1}}}, {"shared": {"a": 2}})
    assert [found.origin(path) for path in (("x", "a"), ("x", "b", "c"), ("x", "b", "d"), ("x",))] == [
        "mapping 3",
        "mapping 1",
        "mapping 2",
        "mapping 2",
    ]
    assert explain_config({"shared": {"a": 1}, "x": "${shared}"}, {"x": {"b": 1}})["x.a"].value == 1


@pytest.mark.parametrize(
    ("low", "fault"),
    [
        ({"c": "${shard}"}, "mapping 1: c: no such key: shard; did you mean 'shared'?"),
        ({"c": "${shared.retyr}"}, "mapping 1: c: no such key: shared.retyr; did you mean 'retry'?"),
        ({"c": "${d}", "d": "${shard}"}, "mapping 1: d: no such key: shard; did you mean 'shared'?"),
        ({"c": "${c}"}, "mapping 1: c: refers to itself"),
        ({"c": "${d}", "d": "${c}"}, "mapping 1: c: refers to itself"),
        ({"c": "${nope:1}"}, "mapping 1: c: no resolver is registered for ${nope:1}"),
    ],
)
def test_what_cannot_be_resolved_is_a_fault(faults, low, fault):
    """The mapping would be used alone, and a client of the default host."""
    assert faults({"shared": SHARED, **low}, {"c": {"timeout": 9}}) == [fault]


def test_mappings_that_would_contain_themselves_are_a_fault(faults):
    assert faults({"a": {"b": "${a}"}}, {"a": {"b": {"x": 1}}}) == ["mapping 1: a.b: refers to itself"]
    circle = {"a": "${b}", "b": {"c": "${d}"}, "d": {"e": "${b}"}}
    (fault, *_) = faults(circle, {"a": {"x": 1}, "b": {"c": {"x": 1}}, "d": {"e": {"x": 1}}})
    assert "refers to itself" in fault or "grow without measure" in fault


def test_mappings_that_would_grow_without_measure_are_a_fault(faults):
    names = [f"a{number}" for number in range(40)]
    low = {name: {"x": f"${{{after}}}", "y": f"${{{after}}}"} for name, after in itertools.pairwise(names)}
    high = {name: {"x": {"n": 1}, "y": {"n": 1}} for name in low}
    found = faults({**low, names[-1]: {}}, high)
    assert "interpolations make this grow without measure" in found[0]


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        ({"dialTimeout": 1}, {"dial_timeout": 2}, "${etcd.client.dialTimeout}"),
        ({"dial_timeout": 1}, {"dialTimeout": 2}, "${etcd.client.dial_timeout}"),
        ({"host": 1}, {"hosts": 2}, "${etcd.client.host}"),
        ({"tls": {"serverName": 1}}, {"credentials": {"server_name": 2}}, "${etcd.client.tls.serverName}"),
        ({"dialTimeout": 2}, {}, "${etcd.client.dial_timeout}"),
        ({"hosts": 2}, {}, "${oc.select:etcd.client.host}"),
        ({"hosts": 2}, {}, "${oc.select: etcd.client.host, 5}"),
        ({"hosts": 2}, {}, "${ etcd.client.host }"),
        ({"hosts": 2}, {}, "${etcd[client].host}"),
        ({"hosts": 2}, {}, "${etcd.${name}.host}"),
    ],
)
def test_an_interpolation_finds_an_option_in_any_spelling(low, high, text):
    tree = load_config(
        {"etcd": {"client": low}, "a": text, "b": f"x {text}", "l": [text], "name": "client"},
        {"etcd": {"client": high}},
    )
    assert (tree.a, tree.b, tree.l) == (2, "x 2", [2])


def test_a_relative_interpolation_finds_an_option_in_any_spelling():
    low = {
        "etcd": {"default": {"timeout": "${.dialTimeout}"}, "clients": {"a": {"timeout": "${...default.dialTimeout}"}}}
    }
    tree = load_config(low, {"etcd": {"default": {"dial_timeout": 2}}})
    assert (tree.etcd.default.timeout, tree.etcd.clients.a.timeout) == (2, 2)


def test_an_interpolation_finds_an_option_through_another_one():
    low = {"shared": {"dialTimeout": 1}, "etcd": {"client": "${shared}", "clients": {"b": "${etcd.client}"}}}
    tree = load_config({**low, "a": "${etcd.client.dial_timeout}", "b": "${etcd.clients.b.dial_timeout}"})
    assert (tree.a, tree.b) == (1, 1)
    tree = load_config({**low, "a": "${etcd.client.dialTimeout}"}, {"etcd": {"client": {"dial_timeout": 3}}})
    assert tree.a == 3


def test_a_variable_may_spell_what_an_interpolation_refers_to(monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT", "7")
    assert load_config({"etcd": {"client": {"dialTimeout": 1}}, "a": "${etcd.client.dialTimeout}"}).a == 7


@pytest.mark.parametrize(
    "text",
    ["${etcd.client.nothing}", "${app.hosts}", "${etcd.clients.hosts}", r"\${etcd.client.host}", "${oc.env:host}"],
)
def test_other_texts_are_unchanged(text):
    low = {"etcd": {"client": {"hosts": 1}, "clients": {"host": {}}}, "app": {"host": 1}, "a": text}
    assert raw(low)["a"] == text


def test_two_spellings_in_one_mapping_are_not_chosen_from():
    assert raw({"etcd": {"client": {"host": 1, "Host": 2}}, "a": "${etcd.client.hosts}"})["a"] == "${etcd.client.hosts}"


def test_a_circle_is_reported_when_it_is_read():
    tree = load_config({"a": "${b.x}", "b": "${a.y}", "c": 1})
    assert tree.c == 1


def test_a_mapping_over_a_function_is_merged_with_the_mapping_that_it_returns(monkeypatch):
    monkeypatch.setenv("MY_SECRET", "hunter2")
    register_resolver("made", lambda: {"hosts": ["a:1"], "text": "${oc.env:MY_SECRET}"})
    try:
        tree = load_config({"x": "${made:}"}, {"x": {"timeout": 3}})
        found = OmegaConf.to_container(tree.x, resolve=True)
        assert found == {"hosts": ["a:1"], "text": "${oc.env:MY_SECRET}", "timeout": 3}
    finally:
        OmegaConf.clear_resolver("made")
