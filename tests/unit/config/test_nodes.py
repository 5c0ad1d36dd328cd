from __future__ import annotations

import copy
import pickle

import attrs
import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from etcd_factory.config import load_config
from etcd_factory.options.secret import Secret, SecretText

KEY = "-----BEGIN PRIVATE KEY-----\nMIIhunter2\n-----END PRIVATE KEY-----\n"
SOURCE = {
    "etcd": {
        "client": {"auth": {"username": "root", "password": "hunter2"}, "tls": {"key": KEY}},
        "clients": {"token": {"hosts": ["a:1"]}},
    },
    "db": {"url": "postgres://app:hunter2@db/x", "password": "${oc.env:DB_PASSWORD,hunter2}", "api_key": 48151},
    "tokens": [{"token": "hunter2"}],
    "dsn": "postgres://app:${db.password}@db/x",
}


def dumps(tree):
    """Everything that shows a whole tree."""
    for resolve in (False, True):
        yield OmegaConf.to_yaml(tree, resolve=resolve)
        yield repr(OmegaConf.to_container(tree, resolve=resolve))
        yield yaml.safe_dump(OmegaConf.to_container(tree, resolve=resolve))
    yield from (repr(tree), str(tree), f"{tree}", repr(tree.etcd.client.auth), repr(tree.items()))


@pytest.fixture
def tree():
    # the interpolated one has its password only in a plain text: see test_a_secret_is_text_for_who_reads_it
    return load_config({key: value for key, value in SOURCE.items() if key != "dsn"})


def test_no_dump_of_a_tree_shows_a_secret(tree):
    assert isinstance(tree, DictConfig)
    for text in dumps(tree):
        assert "hunter2" not in text
        assert "root" in text or "tree" in text
    assert "48151" not in repr(tree)


def test_copies_of_a_tree_show_no_secret_either(tree):
    for made in (
        copy.deepcopy(tree),
        copy.copy(tree),
        pickle.loads(pickle.dumps(tree)),
        OmegaConf.merge(tree, {"etcd": {"client": {"timeout": 1}}}),
        OmegaConf.merge({"etcd": {"client": {"timeout": 1}}}, tree),
        OmegaConf.create(tree),
        load_config(tree, {"etcd": {"client": {"timeout": 1}}}),
    ):
        assert all("hunter2" not in text for text in dumps(made))
        assert made.etcd.client.auth.password == "hunter2"
        assert made.db.password == "hunter2"


def test_a_secret_is_text_for_who_reads_it(monkeypatch):
    tree = load_config(SOURCE)
    assert (tree.etcd.client.auth.password, tree.db.password, tree.tokens[0].token) == ("hunter2",) * 3
    assert isinstance(tree.db.password, str)
    assert tree.dsn == "postgres://app:hunter2@db/x"
    assert f"{tree.db.password}" == "hunter2"
    assert tree.db.url == "postgres://app:hunter2@db/x"
    assert tree.db.api_key == 48151
    monkeypatch.setenv("DB_PASSWORD", "later")
    assert tree.dsn == "postgres://app:later@db/x"


def test_a_tree_equals_its_values(tree):
    assert tree.etcd == SOURCE["etcd"]
    assert tree == load_config({key: value for key, value in SOURCE.items() if key != "dsn"})


def test_a_secret_that_points_at_another_value_is_resolved_to_what_it_is():
    tree = load_config(
        {"a": {"password": "${b}", "token": "${c}", "secret": "${d}"}, "b": "x", "c": {"y": 1}, "d": None}
    )
    assert (tree.a.password, tree.a.token, tree.a.secret) == ("x", {"y": 1}, None)
    assert type(tree.a.password) is SecretText


def test_a_secret_may_be_replaced_in_the_tree(tree):
    tree.etcd.client.auth.password = "correct horse"
    assert tree.etcd.client.auth.password == "correct horse"
    tree.etcd.client.auth.password = {"file": "/run/x"}
    assert tree.etcd.client.auth.password == {"file": "/run/x"}
    tree.etcd.client.auth.password = None
    assert tree.etcd.client.auth.password is None


def test_objects_below_a_secrets_key_stay_the_same_objects():
    def function():
        return "hunter2"

    secret = Secret("hunter2")
    tree = load_config({"password": function, "token": secret, "secret": b"hunter2", "passwd": None, "api_key": True})
    assert (tree.password, tree.token, tree.secret, tree.passwd, tree.api_key) == (
        function,
        secret,
        b"hunter2",
        None,
        True,
    )
    assert repr(tree) == "{'password': ***, 'token': ***, 'secret': ***, 'passwd': None, 'api_key': True}"


@attrs.define
class Database:
    password: str = "x"
    url: str = "y"


def test_a_tree_fills_a_class():
    schema = OmegaConf.structured(Database)
    filled = OmegaConf.to_object(OmegaConf.merge(schema, load_config({"db": {"password": "hunter2", "url": "a"}}).db))
    assert filled == Database("hunter2", "a")


def test_the_client_named_token_is_shown():
    tree = load_config({"etcd": {"clients": {"token": {"hosts": ["a:1"], "auth": {"token": "hunter2"}}}}})
    assert repr(tree) == "{'etcd': {'clients': {'token': {'hosts': ['a:1'], 'auth': {'token': ***}}}}}"
