from __future__ import annotations

import copy

import attrs
import pytest
from omegaconf import DictConfig, OmegaConf

from etcd_factory import Auth, ClientOptions, FactoryOptions, Retry
from etcd_factory.errors import Fault
from etcd_factory.options import priority
from etcd_factory.options.structure import structure


def read(mapping):
    """What a factory of etcd clients reads."""
    return structure(ClientOptions, mapping)


def of(config, origin=None):
    return FactoryOptions.of(config, read, origin)


def test_nothing_is_no_clients():
    for empty in (None, {}, OmegaConf.create({}), DictConfig(None), FactoryOptions()):
        assert of(empty) == FactoryOptions()
    assert FactoryOptions().named == {}


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        ({"default": {"timeout": 1}}, "default", {"timeout": 1}),
        ({"client": {"timeout": 1}}, "client", {"timeout": 1}),
        ({"clients": {"a": {"timeout": 1}}}, "clients", {"a": {"timeout": 1}}),
        ({"default_client_name": "a"}, "default_client_name", "a"),
        ({"defaultClientName": "a"}, "default_client_name", "a"),
        ({"client_priority": {"a": "high"}}, "client_priority", {"a": "high"}),
        ({"clientPriority": {"a": "low"}}, "client_priority", {"a": "low"}),
        ({"priority": {"a": "medium"}}, "client_priority", {"a": "medium"}),
    ],
)
def test_each_key_of_the_shape_is_read_under_each_of_its_names(config, name, value):
    assert getattr(of(config), name) == value
    assert getattr(of(OmegaConf.create(config)), name) == value


@pytest.mark.parametrize("name", ["default", "client", "clients", "default_client_name", "client_priority"])
def test_null_means_the_default(name):
    assert of({name: None}) == FactoryOptions()


def test_a_client_that_is_null_is_there_with_the_defaults():
    assert of({"clients": {"a": None}}).named == {"a": {}}


def test_a_priority_that_is_null_is_the_usual_one():
    assert of({"client_priority": {"a": None}}).client_priority.get("a", "medium") == "medium"


def test_names_of_clients_are_taken_as_written():
    options = of({"clients": {"dialTimeout": {}, "Host": {}, "host": {}}, "priority": {"dialTimeout": "low"}})
    assert list(options.named) == ["dialTimeout", "Host", "host"]
    assert options.client_priority == {"dialTimeout": "low"}


def test_client_is_the_one_named_default_and_wins_over_it():
    config = {"client": {"timeout": 1}, "clients": {"a": {}, "default": {"timeout": 2, "dialTimeout": 3}}}
    assert of(config).named == {"a": {}, "default": {"timeout": 1, "dialTimeout": 3}}


def test_client_wins_over_the_one_named_default_however_it_is_spelled():
    config = {"client": {"hosts": "a"}, "clients": {"default": {"host": "b", "retry": {"attempts": 2}}}}
    assert read(of(config).named["default"]) == ClientOptions(hosts="a", retry=Retry(attempts=2))


def test_default_is_merged_under_a_client_deeply_and_lists_are_replaced():
    shared = {"hosts": ["a", "b"], "retry": {"attempts": 2, "initial": 0.5}, "timeout": 9}
    options = of({"default": shared, "client": {"host": ["c"], "retry": {"initial": 0.1}}})
    merged = options.merged(options.named["default"])
    assert merged == {"host": ["c"], "retry": {"attempts": 2, "initial": 0.1}, "timeout": 9}


def test_a_null_in_a_client_takes_away_what_default_gave():
    options = of({"default": {"timeout": 9, "auth": {"username": "u", "password": "p"}}})
    assert read(options.merged({"timeout": None, "auth": None})) == ClientOptions()


def test_half_an_auth_in_default_is_made_whole_by_a_client():
    options = of({"default": {"auth": {"username": "u"}}, "client": {"auth": {"password": "p"}}})
    assert read(options.merged(options.client)).auth == Auth("u", "p")


def test_a_token_stands_over_a_password_that_is_taken_away(faults):
    default, over = {"auth": {"username": "u", "password": "p"}}, {"auth": {"token": "t"}}
    options = of({"default": default, "client": {"auth": {"username": None, "password": None, "token": "t"}}})
    assert read(options.merged(options.client)).auth == Auth(token="t")
    (fault,) = faults(lambda: read(of({"default": default}).merged(over)))
    assert fault.startswith("auth: token is given beside username and password")


def test_inputs_are_not_changed():
    config = {"default": {"retry": {"attempts": 2}}, "client": {"hosts": ["a"]}, "clients": {"default": {"timeout": 1}}}
    before = copy.deepcopy(config)
    options = of(config)
    read(options.merged(options.named["default"]))
    assert config == before


@pytest.mark.parametrize("place", ["default", "client"])
def test_an_instance_stands_wherever_a_mapping_does(place):
    instance = ClientOptions(timeout=1, hosts="a:1")
    options = of({place: instance})
    assert read(options.merged(options.client)) == instance


def test_an_instance_stands_among_the_clients_too():
    options = of({"clients": {"a": ClientOptions(timeout=1)}, "default": {"dial_timeout": 7}})
    assert read(options.merged(options.named["a"])) == ClientOptions(timeout=1, dial_timeout=7)


def test_an_instance_has_default_merged_under_it():
    options = of({"default": {"timeout": 9, "hosts": "a:1"}})
    assert read(options.merged(ClientOptions(hosts="b:1"))) == ClientOptions(hosts="b:1", timeout=9)


def test_an_instance_has_default_merged_under_it_deeply():
    options = of({"default": {"retry": {"attempts": 3}}})
    merged = read(options.merged(ClientOptions(retry=Retry(initial=0.5))))
    assert merged.retry == Retry(attempts=3, initial=0.5)


def test_a_mapping_has_an_instance_merged_under_it_deeply():
    options = of({"default": ClientOptions(retry=Retry(attempts=3))})
    assert read(options.merged({"retry": {"initial": 0.5}})).retry == Retry(attempts=3, initial=0.5)


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"cleints": {}}, "cleints: unknown option; did you mean 'clients'?"),
        ({"defaultClient": "a"}, "defaultClient: unknown option; did you mean 'default_client_name'?"),
        ({"client": "a:1"}, "client: expected a mapping, got str"),
        ({"client": []}, "client: expected a mapping, got list"),
        ({"default": 5}, "default: expected a mapping, got int"),
        ({"clients": ["a"]}, "clients: expected a mapping, got list"),
        ({"clients": {"a": 5}}, "clients.a: expected a mapping, got int"),
        ({"clients": {1: {}}}, "clients: expected names as keys, got int 1"),
        ({"default_client_name": 5}, "default_client_name: expected text, got int; write it in quotes"),
        ({"default_client_name": ""}, "default_client_name: expected text, got an empty one"),
        ({"priority": "high"}, "priority: expected a mapping, got str"),
        (
            {"priority": {"a": "hgih"}},
            "priority.a: expected one of high, medium, low, got 'hgih'; did you mean 'high'?",
        ),
        ({"priority": {"a": 1}}, "priority.a: expected one of high, medium, low, got 1"),
        (
            {"priority": {}, "clientPriority": {}},
            "clientPriority: given twice, under two names of 'client_priority'; keep one",
        ),
        ({"client": {"hots": 1}}, "client.hots: unknown option; did you mean 'hosts'?"),
        ({"clients": {"a": {"auth": {"user": 1}}}}, "clients.a.auth.user: unknown option; did you mean 'username'?"),
        ({"clients": {"a": {"timeout": -1}}}, "clients.a.timeout: expected a number of seconds above 0, got -1"),
        ({"clients": {"a": {"tls": {}}}}, "clients.a: tls is given, but the host http://127.0.0.1:2379 is without TLS"),
        ({"client": {"auth": {"username": "u"}}}, "client.auth: username is given without password"),
        ({"default": {"dialTimeout": 0}}, "default.dialTimeout: expected a number of seconds above 0, got 0"),
        ({"default": {"dialTimeout": 0}, "client": {}}, "default.dialTimeout: expected a number of seconds above 0"),
        ({"default": {"hots": 1}, "clients": {"a": {}, "b": {}}}, "default.hots: unknown option"),
        ({"default": {"timeout": 0}, "clients": {"a": {"timeout": 1}}}, "default.timeout: expected a number"),
        ({"clients": {"default": {"x": 1}}, "client": {}}, "clients.default.x: unknown option"),
    ],
)
def test_a_wrong_option_is_one_fault_at_the_place_where_it_was_written(faults, config, fault):
    for given in (config, OmegaConf.create(config)):
        (found,) = faults(of, given)
        assert found.startswith(fault)


@pytest.mark.parametrize("config", [5, "a:1", ["a"]], ids=repr)
def test_a_configuration_is_a_mapping(faults, config):
    assert faults(of, config) == [f"expected a mapping, got {type(config).__name__}"]


def test_all_faults_of_all_clients_are_told_at_once(faults):
    config = {
        "default": {"timeout": -1},
        "client": {"hots": 1},
        "clients": {"a": {"retry": {"attempts": "3"}}, "b": 5, "c": {"host": []}},
        "priority": {"a": "no"},
        "zzz": 1,
    }
    found = {fault.partition(": ")[0] for fault in faults(of, config)}
    assert found >= {"default.timeout", "client.hots", "clients.a.retry.attempts", "clients.b", "priority.a", "zzz"}
    assert "clients.c.host" in found


def test_a_fault_of_default_is_told_once_and_not_for_each_client(faults):
    config = {"default": {"timeout": -1}, "clients": {"a": {}, "b": {}, "c": {"timeout": -2}}}
    assert [fault.partition(": ")[0] for fault in faults(of, config)] == ["default.timeout", "clients.c.timeout"]


def test_faults_of_ready_made_options_are_told_alike(faults):
    config = FactoryOptions(clients={"a": {"hots": 1}, "b": {"timeout": 0}})
    assert [fault.partition(": ")[0] for fault in faults(of, config)] == ["clients.a.hots", "clients.b.timeout"]


def test_the_origin_of_each_fault_is_asked_for_by_its_path(faults):
    asked = []

    def origin(path):
        asked.append(path)
        return f"{path[0]}.yaml"

    config = {"default": {"x": 1}, "clients": {"a": {"y": 1}}}
    assert {fault.partition(": ")[0] for fault in faults(of, config, origin)} == {"clients.yaml", "default.yaml"}
    assert set(asked) == {("clients", "a", "y"), ("default", "x")}


def test_a_part_of_a_tree_tells_its_full_path(faults):
    tree = OmegaConf.create({"x": {"etcd": {"client": {"hots": 1, "timeout": "${nothing}"}}}})
    found = [fault.partition(": ")[0] for fault in faults(of, tree.x.etcd)]
    assert sorted(found) == ["x.etcd.client.hots", "x.etcd.client.timeout"]


def test_a_missing_variable_is_a_fault_of_its_place(faults):
    (fault,) = faults(of, OmegaConf.create({"client": {"hosts": ["${oc.env:NOWHERE_SET}"]}}))
    assert fault.startswith("client.hosts.0: ")
    assert "Environment variable 'NOWHERE_SET' not found" in fault


def test_a_password_that_is_missing_is_no_second_fault(faults):
    tree = OmegaConf.create({"client": {"auth": {"username": "u", "password": "${oc.env:NOWHERE_SET}"}}})
    assert len(faults(of, tree)) == 1


def test_a_missing_variable_at_run_time_is_a_fault_too(faults):
    tree = OmegaConf.create({"timeout": "${oc.env:NOWHERE_SET}"})
    assert "NOWHERE_SET" in faults(FactoryOptions().merged, tree)[0]


def test_options_cant_be_changed_and_compare():
    options = of({"client": {"timeout": 1}})
    assert options == FactoryOptions(client={"timeout": 1})
    assert options != FactoryOptions()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        options.client = None


def test_a_password_is_not_in_the_text_of_factory_options():
    options = of({"client": {"auth": {"username": "u", "password": "hunter2"}}})
    assert "hunter2" not in repr(options)


def test_priorities_are_three_words():
    assert [priority(word) for word in ("high", "medium", "low")] == ["high", "medium", "low"]


def test_a_fault_keeps_its_parts():
    assert str(Fault("a.yaml", "x.y", "wrong")) == "a.yaml: x.y: wrong"
    assert str(Fault("", "", "wrong")) == "wrong"
