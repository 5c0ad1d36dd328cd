from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from etcd_factory import ClientOptions, ETCDServiceFactory, FactoryOptions
from etcd_factory.options.plan import plan
from etcd_factory.options.structure import structure


def read(mapping):
    """Read a client's options as a factory of etcd clients does."""
    return structure(ClientOptions, mapping)


def planned(config, origin=None):
    return plan(config, read, origin)


def places(faults):
    return [fault.partition(": ")[0] for fault in faults]


def test_a_plan_has_the_options_and_each_client_read():
    made = planned({"default": {"timeout": 1}, "client": {"host": "a"}, "clients": {"b": {"timeout": 2}}})
    assert made.options == FactoryOptions(default={"timeout": 1}, client={"host": "a"}, clients={"b": {"timeout": 2}})
    assert made.clients == {"b": ClientOptions(timeout=2), "default": ClientOptions(timeout=1, hosts="a")}


def test_each_client_is_read_once():
    seen = []
    plan({"client": {"x": 1}, "clients": {"a": {"x": 2}, "b": {}}}, seen.append)
    assert seen == [{"x": 2}, {}, {"x": 1}]


def test_default_is_read_once_more_on_its_own_since_a_client_may_hide_its_faults():
    seen = []
    plan({"default": {"x": 1}, "clients": {"a": {"x": 2}}}, seen.append)
    assert seen == [{"x": 1}, {"x": 2}]


def test_no_password_is_in_the_repr():
    client = {"auth": {"username": "u", "password": "hunter2"}}
    assert "hunter2" not in repr(planned({"client": client})) + repr(plan({"client": client}, dict))


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"cleints": {}}, "cleints: unknown option; did you mean 'clients'?"),
        ({"client": "a:1"}, "client: expected a mapping, got str"),
        ({"clients": {"a": 5}}, "clients.a: expected a mapping, got int"),
        ({"priority": {"a": 1}}, "priority.a: expected one of high, medium, low, got 1"),
        ({"client": {"hots": 1}}, "client.hots: unknown option; did you mean 'hosts'?"),
        ({"clients": {"a": {"auth": {"user": 1}}}}, "clients.a.auth.user: unknown option; write username: ..."),
        ({"clients": {"a": {"timeout": -1}}}, "clients.a.timeout: expected a number of seconds above 0, got -1"),
        ({"clients": {"a": {"tls": {}}}}, "clients.a: tls is set, but the host http://127.0.0.1:2379 does not use TLS"),
        ({"client": {"auth": {"username": "u"}}}, "client.auth: username is set without password"),
        ({"default": {"dialTimeout": 0}}, "default.dialTimeout: expected a number of seconds above 0, got 0"),
        ({"default": {"dialTimeout": 0}, "client": {}}, "default.dialTimeout: expected a number of seconds above 0"),
        ({"default": {"hots": 1}, "clients": {"a": {}, "b": {}}}, "default.hots: unknown option"),
        ({"default": {"timeout": 0}, "clients": {"a": {"timeout": 1}}}, "default.timeout: expected a number"),
        ({"clients": {"default": {"x": 1}}, "client": {}}, "clients.default.x: unknown option"),
    ],
)
def test_an_invalid_option_is_one_fault_at_the_path_that_set_it(faults, config, fault):
    for given in (config, OmegaConf.create(config)):
        (found,) = faults(planned, given)
        assert found.startswith(fault)


def test_all_faults_of_all_clients_are_reported_at_once(faults):
    config = {
        "default": {"timeout": -1},
        "client": {"hots": 1},
        "clients": {"a": {"retry": {"attempts": "3"}}, "b": 5, "c": {"host": []}},
        "priority": {"a": "no"},
        "zzz": 1,
    }
    found = {*places(faults(planned, config))}
    assert found >= {"default.timeout", "client.hots", "clients.a.retry.attempts", "clients.b", "priority.a", "zzz"}
    assert "clients.c.host" in found


def test_a_fault_of_default_is_reported_once_not_for_each_client(faults):
    config = {"default": {"timeout": -1}, "clients": {"a": {}, "b": {}, "c": {"timeout": -2}}}
    assert places(faults(planned, config)) == ["default.timeout", "clients.c.timeout"]


def test_faults_of_factory_options_are_reported_too(faults):
    config = FactoryOptions(clients={"a": {"hots": 1}, "b": {"timeout": 0}})
    assert places(faults(planned, config)) == ["clients.a.hots", "clients.b.timeout"]


def test_the_origin_of_each_fault_is_looked_up_by_its_path(faults):
    asked = []

    def origin(path):
        asked.append(path)
        return f"{path[0]}.yaml"

    config = {"default": {"x": 1}, "clients": {"a": {"y": 1}}}
    assert {*places(faults(planned, config, origin))} == {"clients.yaml", "default.yaml"}
    assert set(asked) == {("clients", "a", "y"), ("default", "x")}


def test_a_fault_in_a_subtree_has_its_full_path(faults):
    tree = OmegaConf.create({"x": {"etcd": {"client": {"hots": 1, "timeout": "${nothing}"}}}})
    assert sorted(places(faults(planned, tree.x.etcd))) == ["x.etcd.client.hots", "x.etcd.client.timeout"]


def test_the_path_of_the_options_may_be_given(faults):
    (fault,) = faults(plan, {"client": {"hots": 1}}, read, None, "x.etcd")
    assert fault.startswith("x.etcd.client.hots: ")


def test_a_missing_variable_is_a_fault_at_its_path(faults):
    (fault,) = faults(planned, OmegaConf.create({"client": {"hosts": ["${oc.env:NOWHERE_SET}"]}}))
    assert fault.startswith("client.hosts.0: ")
    assert "environment variable NOWHERE_SET is not set" in fault


def test_a_missing_password_is_not_reported_twice(faults):
    tree = OmegaConf.create({"client": {"auth": {"username": "u", "password": "${oc.env:NOWHERE_SET}"}}})
    assert len(faults(planned, tree)) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"clients": {"one1": {}, "b": {}}, "default_client_name": "one2"},
            "default_client_name: no client 'one2' is configured; did you mean 'one1'?; the clients are: one1, b",
        ),
        (
            {"client": {}, "clientPriority": {"defualt": "high"}},
            "client_priority.defualt: no client 'defualt' is configured; did you mean 'default'?; "
            "the clients are: default",
        ),
        (
            {"clients": {f"c{n}": {} for n in range(20)}, "default_client_name": "x"},
            "default_client_name: no client 'x' is configured; the clients are: "
            "c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ...",
        ),
    ],
)
def test_a_name_of_no_client_is_warned_of(caplog, config, message):
    planned(config)
    planned({"client": {}, "clients": {"a": {}}, "default_client_name": "a", "priority": {"default": "low", "a": None}})
    planned({"default_client_name": "made later", "priority": {"made later": "low"}})
    assert caplog.messages == [message]


def test_the_warning_has_the_file(caplog, tmp_path):
    (path := tmp_path / "a.yaml").write_text("etcd: {clients: {a: {}}, default_client_name: b}")
    ETCDServiceFactory.from_config(path).close()
    assert caplog.messages == [f"{path}: etcd.default_client_name: no client 'b' is configured; the clients are: a"]


def test_the_wrong_grpc_options_of_all_clients_are_reported_with_their_places(faults):
    config = {"client": {"grpc_options": {"a": [1]}}, "clients": {"b": {"grpcOptions": {"c": 2**40}}}}
    assert {*places(faults(planned, config))} == {"client.grpc_options.a", "clients.b.grpcOptions.c"}
