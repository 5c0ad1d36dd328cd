"""Configurations, and whether the schema and the loader accept them."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st
from jsonschema import Draft7Validator

from etcd_factory import ETCDServiceFactory, config_schema
from etcd_factory.config import read
from etcd_factory.config.section import section
from etcd_factory.errors import ConfigError
from tests.support import pems
from tests.support.config_texts import VALUES

VALIDATOR = Draft7Validator(config_schema())


def schema_accepts(options: object) -> bool:
    """Return whether the schema accepts a section."""
    return VALIDATOR.is_valid({"etcd": options})


def loader_accepts(options: object) -> bool:
    """Return whether the loader accepts a section."""
    try:
        section(read({"etcd": options}), "etcd", ETCDServiceFactory.read_options)
    except ConfigError:
        return False
    return True


class Pool(NamedTuple):
    """Valid and invalid values of an option; null is always valid."""

    good: list[object]
    bad: list[object]


SECONDS = Pool(
    [5, 0.5, "5s", "500ms", "1m30s", " 2s "], [0, -1, 0.0, "", "5", "5 s", "0s", "soon", True, False, [], {}]
)
COUNT = Pool([1, 10], [0, -1, "3", 1.5, True, []])
TEXT = Pool(["a", "a b"], ["", 5, True, [], {}])
SWITCH = Pool([True, False], [0, 1, "true", "", []])
POOLS: dict[tuple[str, ...], Pool] = {
    ("client", "hosts"): Pool(
        ["a:1", "http://a", "[::1]:2", "a:1,b:2", "unix:///x", "srv://d", ["a", "b:1"], ["https://a"]],
        ["", [], 5, True, {}, "htp://a", "u:p@a", "http://u@a", [5], ["u@a"], [""], [None]],
    ),
    ("client", "auth"): Pool(
        [{"username": "u", "password": "p"}, {"token": "t"}, {"username": "u", "password": "p", "timeout": 1}, {}],
        [{"token": "é"}, {"token": " t"}, {"token": ""}, {"token": 5}, {"user": "u"}, "u:p", [], 5],
    ),
    ("client", "auth", "token"): Pool(["t"], [{"fle": "x"}, {}, {"file": 5}, {"file": ""}]),
    ("client", "namespace"): Pool(["", "a/"], [5, [], True]),
    ("client", "timeout"): SECONDS,
    ("client", "dialTimeout"): SECONDS,
    ("client", "sync"): SECONDS,
    ("client", "retry"): Pool([{}], [5, "a", [], {"x": 1}]),
    ("client", "retry", "attempts"): COUNT,
    ("client", "retry", "initial"): Pool([0.1, "100ms"], [0, ""]),
    ("client", "retry", "maximum"): SECONDS,
    ("client", "keepalive", "time"): SECONDS,
    ("client", "keepalive", "timeout"): SECONDS,
    ("client", "share"): SWITCH,
    ("client", "proxy"): Pool(
        ["http://p:1", "p:1", "HTTP://u:p@p:1/"], ["", "p", "https://p:1", "http://p:1/x", "http://p:1?x", 5]
    ),
    ("client", "batching"): Pool([False, "reads", "all", "false"], [True, "none", "", 0]),
    ("client", "transport"): Pool(["h2", "grpc"], ["grcp", "", 5]),
    ("client", "customClientClass"): Pool(["etcd_factory:ETCDService"], ["", 5]),
    ("client",): Pool([{}, "etcd://h", "etcds://u:p@h1,h2/ns?timeout=5"], ["http://h", "h", "", 5, [], True]),
    ("clients",): Pool([{}], [5, "a", [], {"a": 5}]),
    ("clients", "a"): Pool([{}, "etcd://h"], [5, "h", []]),
    ("default",): Pool([{}, {"timeout": 1}, "etcd://h"], [5, "h", [], {"x": 1}]),
    ("defaultClientName",): TEXT,
    ("client_priority",): Pool([{}], [5, "high", []]),
    ("priority", "a"): Pool(["high", "Medium", "LOW"], ["", "hihg", 5, True]),
    ("service_discovery",): Pool([{}], [5, "a", [], {"x": 1}]),
    ("service_discovery", "client"): TEXT,
    ("service_discovery", "namespace"): TEXT,
    ("service_discovery", "format"): Pool(["naming", "go_zero"], ["", "gozero", 5, []]),
    ("service_discovery", "read"): Pool(["naming", ["kitex", "kratos"], []], ["", ["x"], 5, [None]]),
    ("service_discovery", "ttl"): Pool([1, "5s", "1m"], [0, -1, "0s", "5", 1.5, True]),
    ("service_discovery", "loadBalancer"): Pool(["p2c", "random"], ["rnd", "", 5]),
    ("serviceDiscovery", "serviceOptions"): Pool([{}, {"host": "a", "port": 1}], [{"hst": "a"}, 5, []]),
    ("configCenter", "client"): TEXT,
    ("config_center", "prefix"): TEXT,
    ("config_center", "fallback"): Pool(["x.json"], ["", 5]),
    ("config_center", "resolve"): SWITCH,
}
SECURE = Pool(  # values of ``tls`` beside hosts with TLS
    [{"ca": pems.CERT}, {"ca": pems.CERT, "serverName": "a"}, {"cert": pems.CERT, "key": pems.KEY}, {}],
    [{"ca": ""}, {"ca": 5}, {"cafile": "a"}, {"server_name": ""}, True, [], "a"],
)
GRPC = Pool(  # values of ``grpc_options`` beside that transport
    [{}, {"a": 1, "b": "c", "d": True}], [{"a": None}, {"a": 2**31}, {"a": [1]}, {"a": 1.5}, 5, []]
)


def nested(path: tuple[str, ...], value: object) -> dict[str, object]:
    """Return a section with one option."""
    for key in reversed(path):
        value = {key: value}
    return value


GOOD = [nested(path, value) for path, pool in POOLS.items() for value in [*pool.good, None]]
BAD = [nested(path, value) for path, pool in POOLS.items() for value in pool.bad]
BAD += [{"client": {"hots": "a"}}, {"clients": {"a": {"retry": {"x": 1}}}}, {"instances": {}}]
SINGLE = [
    *((True, case) for case in GOOD),
    *((False, case) for case in BAD),
    (True, {"client_priority": None, "priority": {"a": "high"}}),
    (True, {"priority": {"a": "high"}, "client_priority": None}),
    (False, {"client_priority": {"a": "low"}, "priority": {"a": "high"}}),
    *((True, {"client": {"hosts": "https://a", "tls": value}}) for value in SECURE.good),
    *((False, {"client": {"hosts": "https://a", "tls": value}}) for value in SECURE.bad),
    *((True, {"client": {"transport": "grpc", "grpc_options": value}}) for value in GRPC.good),
    *((False, {"client": {"transport": "grpc", "grpc_options": value}}) for value in GRPC.bad),
]


def joined(sections: list[dict[str, object]]) -> dict[str, object]:
    """Return sections merged: of two values of one place the later one, mappings together but for ``auth``."""
    found: dict[str, object] = {}
    for each in sections:
        for key, value in each.items():
            old = found.get(key)
            merges = key != "auth" and isinstance(old, dict) and isinstance(value, dict)
            found[key] = joined([old, value]) if merges else value
    return found


SECTIONS = st.builds(
    lambda good, other: joined([*good, *other]),
    st.lists(st.sampled_from(GOOD), max_size=6),
    st.lists(st.sampled_from(BAD), max_size=1),
)
# Any values in the places of options: what the loader accepts of them.
NAMES = st.sampled_from(
    ["hosts", "timeout", "namespace", "tls", "auth", "retry", "keepalive", "sync", "share", "batching", "proxy", "host"]
)
ANYTHING = st.one_of(
    st.builds(lambda name, value: {"client": {name: value}}, NAMES, VALUES),
    st.fixed_dictionaries({}, optional={"client": VALUES, "clients": VALUES}),
)
