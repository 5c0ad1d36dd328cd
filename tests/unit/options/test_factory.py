from __future__ import annotations

import copy

import attrs
import pytest
from omegaconf import DictConfig, OmegaConf

from etcd_factory import Auth, ClientOptions, FactoryOptions, Retry
from etcd_factory.options import priority
from etcd_factory.options.structure import structure

of = FactoryOptions.of


def read(mapping):
    """Read a client's options as a factory of etcd clients does."""
    return structure(ClientOptions, mapping)


def test_an_empty_configuration_has_no_clients():
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
        ({"clientPriority": {"a": "High", "b": "LOW"}}, "client_priority", {"a": "high", "b": "low"}),
    ],
)
def test_each_key_is_accepted_under_each_of_its_names(config, name, value):
    assert getattr(of(config), name) == value
    assert getattr(of(OmegaConf.create(config)), name) == value


@pytest.mark.parametrize("name", ["default", "client", "clients", "default_client_name", "client_priority"])
def test_null_means_the_default(name):
    assert of({name: None}) == FactoryOptions()


def test_a_client_that_is_null_has_the_default_options():
    assert of({"clients": {"a": None}}).named == {"a": {}}


def test_a_priority_that_is_null_is_the_default_one():
    assert of({"client_priority": {"a": None}}).client_priority.get("a", "medium") == "medium"


def test_names_of_clients_are_kept_as_written():
    options = of({"clients": {"dialTimeout": {}, "Host": {}, "host": {}}, "priority": {"dialTimeout": "low"}})
    assert list(options.named) == ["dialTimeout", "Host", "host"]
    assert options.client_priority == {"dialTimeout": "low"}


@pytest.mark.anchor("midway-15")
def test_client_overrides_the_client_named_default():
    config = {"client": {"timeout": 1}, "clients": {"a": {}, "default": {"timeout": 2, "dialTimeout": 3}}}
    assert of(config).named == {"a": {}, "default": {"timeout": 1, "dialTimeout": 3}}


def test_client_overrides_the_client_named_default_in_any_spelling():
    config = {"client": {"hosts": "a"}, "clients": {"default": {"host": "b", "retry": {"attempts": 2}}}}
    assert read(of(config).named["default"]) == ClientOptions(hosts="a", retry=Retry(attempts=2))


def test_default_is_merged_under_a_client_deeply_and_lists_are_replaced():
    shared = {"hosts": ["a", "b"], "retry": {"attempts": 2, "initial": 0.5}, "timeout": 9}
    options = of({"default": shared, "client": {"host": ["c"], "retry": {"initial": 0.1}}})
    merged = options.merged(options.named["default"])
    assert merged == {"host": ["c"], "retry": {"attempts": 2, "initial": 0.1}, "timeout": 9}


def test_a_null_in_a_client_removes_a_value_of_default():
    options = of({"default": {"timeout": 9, "auth": {"username": "u", "password": "p"}}})
    assert read(options.merged({"timeout": None, "auth": None})) == ClientOptions()


def test_a_client_completes_the_auth_of_default():
    options = of({"default": {"auth": {"username": "u"}}, "client": {"auth": {"password": "p"}}})
    assert read(options.merged(options.client)).auth == Auth("u", "p")


def test_a_token_overrides_a_password_that_is_removed(faults):
    default, over = {"auth": {"username": "u", "password": "p"}}, {"auth": {"token": "t"}}
    options = of({"default": default, "client": {"auth": {"username": None, "password": None, "token": "t"}}})
    assert read(options.merged(options.client)).auth == Auth(token="t")
    (fault,) = faults(lambda: read(of({"default": default}).merged(over)))
    assert fault.startswith("auth: token cannot be combined with username and password")


def test_inputs_are_not_changed():
    config = {"default": {"retry": {"attempts": 2}}, "client": {"hosts": ["a"]}, "clients": {"default": {"timeout": 1}}}
    before = copy.deepcopy(config)
    options = of(config)
    read(options.merged(options.named["default"]))
    assert config == before


@pytest.mark.parametrize("place", ["default", "client"])
def test_an_instance_is_accepted_like_a_mapping(place):
    instance = ClientOptions(timeout=1, hosts="a:1")
    options = of({place: instance})
    assert read(options.merged(options.client)) == instance


def test_an_instance_is_accepted_among_the_clients():
    options = of({"clients": {"a": ClientOptions(timeout=1)}, "default": {"dial_timeout": 7}})
    assert read(options.merged(options.named["a"])) == ClientOptions(timeout=1, dial_timeout=7)


def test_default_is_merged_under_an_instance():
    options = of({"default": {"timeout": 9, "hosts": "a:1"}})
    assert read(options.merged(ClientOptions(hosts="b:1"))) == ClientOptions(hosts="b:1", timeout=9)


def test_default_is_merged_under_an_instance_deeply():
    options = of({"default": {"retry": {"attempts": 3}}})
    merged = read(options.merged(ClientOptions(retry=Retry(initial=0.5))))
    assert merged.retry == Retry(attempts=3, initial=0.5)


def test_an_instance_in_default_is_merged_under_a_mapping_deeply():
    options = of({"default": ClientOptions(retry=Retry(attempts=3))})
    assert read(options.merged({"retry": {"initial": 0.5}})).retry == Retry(attempts=3, initial=0.5)


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"cleints": {}}, "cleints: unknown option; did you mean 'clients'?"),
        ({"defaultClient": "a"}, "defaultClient: unknown option; did you mean 'default_client_name'?"),
        ({"tracing": {"enable": True}}, "tracing: unknown option; call instrument(factory) of etcd_factory."),
        ({"client": "a:1"}, "client: expected a mapping, got str"),
        ({"client": []}, "client: expected a mapping, got list"),
        ({"default": 5}, "default: expected a mapping, got int"),
        ({"clients": ["a"]}, "clients: expected a mapping, got list"),
        ({"clients": {"a": 5}}, "clients.a: expected a mapping, got int"),
        ({"clients": {"a": "h:1"}}, 'clients.a: expected a mapping, got str; write {"hosts": "h:1"}'),
        ({"clients": {"a": ["h:1"]}}, 'clients.a: expected a mapping, got list; write {"hosts": "host:port"}'),
        ({"clients": {"password": "x"}}, 'clients.password: expected a mapping, got str; write {"hosts": "host:port"}'),
        ({"clients": {1: {}}}, "clients: expected names as keys, got int 1"),
        ({"default_client_name": 5}, "default_client_name: expected text, got int; write it in quotes"),
        ({"default_client_name": ""}, "default_client_name: expected text, got an empty string"),
        ({"priority": "high"}, "priority: expected a mapping, got str"),
        (
            {"priority": {"a": "hgih"}},
            "priority.a: expected one of high, medium, low, got 'hgih'; did you mean 'high'?",
        ),
        ({"priority": {"a": 1}}, "priority.a: expected one of high, medium, low, got 1"),
        (
            {"priority": {}, "clientPriority": {}},
            "clientPriority: set twice, under two spellings of 'client_priority'; keep one",
        ),
    ],
)
def test_an_invalid_option_is_one_fault_at_its_path(faults, config, fault):
    for given in (config, OmegaConf.create(config)):
        (found,) = faults(of, given)
        assert found.startswith(fault)


@pytest.mark.parametrize("config", [5, "a:1", ["a"]], ids=repr)
def test_a_configuration_must_be_a_mapping(faults, config):
    assert faults(of, config) == [f"expected a mapping, got {type(config).__name__}"]


def test_a_fault_in_a_subtree_has_its_full_path(faults):
    tree = OmegaConf.create({"x": {"etcd": {"cleints": 1, "client": {"timeout": "${nothing}"}}}})
    assert sorted(fault.partition(": ")[0] for fault in faults(of, tree.x.etcd)) == [
        "x.etcd.cleints",
        "x.etcd.client.timeout",
    ]


def test_a_missing_variable_at_run_time_is_a_fault_too(faults):
    tree = OmegaConf.create({"timeout": "${oc.env:NOWHERE_SET}"})
    assert "NOWHERE_SET" in faults(FactoryOptions().merged, tree)[0]


def test_options_cannot_be_changed_and_are_comparable():
    options = of({"client": {"timeout": 1}})
    assert options == FactoryOptions(client={"timeout": 1})
    assert options != FactoryOptions()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        options.client = None


def test_equal_options_have_equal_hashes():
    given = {"clients": {"a": {"hosts": ["a"]}}, "priority": {"a": "high"}, "default": {"timeout": 2}}
    assert hash(of(given)) == hash(of(given))
    assert len({of(given), of(given), FactoryOptions(default_client_name="b")}) == 2


def test_no_password_is_in_the_repr_of_factory_options():
    options = of({"client": {"auth": {"username": "u", "password": "hunter2"}}})
    assert "hunter2" not in repr(options)


def test_there_are_three_priorities():
    assert [priority(one) for one in ("high", "medium", "low")] == ["high", "medium", "low"]
