from __future__ import annotations

import pytest

from etcd_factory.config import load_config
from etcd_factory.config.aliases import FOREIGN, NAMES, OPTIONS, level


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", FOREIGN),
        ("app", FOREIGN),
        ("app.client", FOREIGN),
        ("etcd", OPTIONS),
        ("etcd.default", OPTIONS),
        ("etcd.client.auth", OPTIONS),
        ("etcd.clients", NAMES),
        ("etcd.clients.priority", OPTIONS),
        ("etcd.clients.clients.tls", OPTIONS),
        ("etcd.priority", FOREIGN),
        ("etcd.clientPriority", FOREIGN),
        ("etcd.client.grpcOptions", FOREIGN),
        ("etcd.client.grpcOptions.deep", FOREIGN),
    ],
)
def test_only_options_in_the_section_have_spellings(path, expected):
    assert level(filter(None, path.split(".")), ("etcd",)) == expected


def merged(*layers):
    return load_config(*({"etcd": layer} for layer in layers)).etcd


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ({"client": {"host": ["a"]}}, {"client": {"hosts": ["b"]}}),
        ({"client": {"dialTimeout": 1}}, {"client": {"dial_timeout": 2}}),
        ({"defaultClientName": "a"}, {"default_client_name": "b"}),
        ({"clients": {"a": {"serverName": "x"}}}, {"clients": {"a": {"server_name": "y"}}}),
        ({"clients": {"priority": {"host": "x"}}}, {"clients": {"priority": {"hosts": "y"}}}),
        ({"client": {"grpcOptions": 1}}, {"client": {"grpc_options": {"a": 1}}}),
    ],
)
def test_a_higher_layer_wins_in_any_spelling(low, high):
    assert merged(low, high) == high


def test_mappings_under_two_spellings_merge_as_one():
    low = {"client": {"credentials": {"ca": "a", "serverName": "x"}}}
    high = {"client": {"tls": {"server_name": "y"}}}
    assert merged(low, high) == {"client": {"tls": {"ca": "a", "server_name": "y"}}}


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ({"clients": {"host": {}}}, {"clients": {"hosts": {}}}),
        ({"priority": {"myApp": "low"}}, {"priority": {"my_app": "high"}}),
        ({"client": {"grpc_options": {"host": 1}}}, {"client": {"grpc_options": {"hosts": 2}}}),
    ],
)
def test_names_chosen_by_the_user_are_never_respelled(low, high):
    (section,) = low.keys() & high.keys()
    both = {**dict(low[section]), **dict(high[section])}
    if section == "client":
        both = {"grpc_options": {"host": 1, "hosts": 2}}
    assert merged(low, high)[section] == both


def test_keys_outside_the_section_are_not_respelled():
    tree = load_config({"app": {"host": 1}}, {"app": {"hosts": 2}})
    assert tree == {"app": {"host": 1, "hosts": 2}}


def test_the_section_may_have_another_name():
    tree = load_config({"store": {"v3": {"host": 1}}}, {"store": {"v3": {"hosts": 2}}}, key="store.v3")
    assert tree == {"store": {"v3": {"hosts": 2}}}


def test_the_section_may_be_the_whole_tree():
    assert load_config({"client": {"host": 1}}, {"client": {"hosts": 2}}, key="") == {"client": {"hosts": 2}}


@pytest.mark.parametrize(
    ("low", "high", "result"),
    [
        ({"host": 1, "hosts": 2}, {"hosts": 3}, {"host": 1, "hosts": 3}),
        ({"hosts": 1, "host": 2}, {"hosts": 3}, {"hosts": 3, "host": 2}),
        ({"host": 1}, {"host": 2, "hosts": 3}, {"host": 2, "hosts": 3}),
    ],
)
def test_two_spellings_in_one_layer_are_kept_for_the_options_to_report(low, high, result):
    assert merged({"client": low}, {"client": high}) == {"client": result}


def test_a_respelled_option_keeps_its_place_in_the_order():
    tree = merged({"client": {"host": 1, "timeout": 2}}, {"client": {"hosts": 3}})
    assert list(tree.client) == ["hosts", "timeout"]
