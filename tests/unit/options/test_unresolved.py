from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from etcd_factory import ClientOptions, ETCDServiceFactory
from etcd_factory.config.resolvers import register_resolver
from etcd_factory.errors import ConfigError
from etcd_factory.options.resolve import plain

HIDDEN = "; the text of a secret is not shown"
UNSET = "is not set; set it, or write a default: ${oc.env:"


def fail():
    raise LookupError("the vault is sealed")


@pytest.fixture(autouse=True)
def resolver():
    register_resolver("vault", lambda key: fail())
    yield
    OmegaConf.clear_resolver("vault")


def messages(tree):
    return {fault.path: fault.message for fault in plain(OmegaConf.create(tree))[1]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${oc.env:NOWHERE}", f"environment variable NOWHERE {UNSET}NOWHERE,default}}"),
        ("a ${oc.env:NOWHERE} b", f"environment variable NOWHERE {UNSET}NOWHERE,default}}"),
        ("${oc.decode:${oc.env:NOWHERE}}", f"environment variable NOWHERE {UNSET}NOWHERE,default}}"),
        ("${shard}", "no such key: shard; did you mean 'shared'?"),
        ("x-${shared.hots}", "no such key: shared.hots; did you mean 'hosts'?"),
        ("${shared.hosts.0}", "no such key: shared.hosts.0"),
        ("${shared.list[3]}", "no such key: shared.list.3; did you mean '0'?"),
        ("${.shard}", "no such key: shard; did you mean 'shared'?"),
        ("${shared} ${zzz}", "no such key: zzz"),
        ("${missing}", "refers to a required value that is missing (???)"),
        ("???", "a required value is missing (???)"),
        ("${value}", "refers to itself"),
        ("${nope:x}", "no resolver is registered for ${nope:x}"),
        ("${vault:secret/pw}", "${vault:secret/pw} failed: LookupError: the vault is sealed"),
        ("${broken}", "refers to a key that does not exist"),
    ],
)
def test_a_value_that_cannot_be_resolved_is_explained_in_our_words(text, message):
    tree = {"value": text, "shared": {"hosts": "a", "list": ["b"]}, "missing": "???", "broken": "${nowhere}"}
    if text == "${shared.list[3]}":
        message = "no such key: shared.list.3"
    assert messages(tree)["value"] == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${oc.env:hunter2}", f"refers to an environment variable that is not set{HIDDEN}"),
        ("${hunter2}", f"refers to a key that does not exist{HIDDEN}"),
        ("hunter2${oc.env:NOWHERE}", f"refers to an environment variable that is not set{HIDDEN}"),
        ("hunter2${missing}", f"refers to a required value that is missing (???){HIDDEN}"),
        ("${hunter2:x}", f"uses a resolver that is not registered{HIDDEN}"),
        ("${vault:hunter2}", f"cannot be resolved{HIDDEN}"),
        ("${vault:hunter2}${oc.env:X,hunter2}", f"cannot be resolved{HIDDEN}"),
    ],
)
@pytest.mark.parametrize(
    "place", [("password",), ("auth", "token"), ("clients", "token", "password"), ("private_key", "text")], ids=".".join
)
def test_no_part_of_the_text_of_a_secret_is_shown(text, message, place):
    tree = {"missing": "???"}
    inner = tree
    for name in place[:-1]:
        inner = inner.setdefault(name, {})
    inner[place[-1]] = text
    assert messages(tree)[".".join(place)] == message


@pytest.mark.parametrize("text", ["${hunter2}", "${oc.env:hunter2}", "${vault:hunter2}", "${hunter2:x}", "x${hunter2}"])
def test_a_value_that_refers_to_a_secret_does_not_show_its_text_either(text):
    tree = {"a": "${auth.password}", "b": "x ${auth.password}", "c": "${oc.decode:${a}}", "auth": {"password": text}}
    found = messages(tree)
    assert set(found) == {"a", "b", "c", "auth.password"}
    assert all("hunter2" not in message for message in found.values())


def test_a_client_whose_name_is_that_of_a_secret_is_explained():
    assert messages({"clients": {"token": {"hosts": "${shard}"}}}) == {"clients.token.hosts": "no such key: shard"}


@pytest.mark.parametrize("read", [ClientOptions.of, lambda options: ETCDServiceFactory({"client": options})])
@pytest.mark.parametrize("text", ["${hunter2}", "${oc.env:hunter2}", "${vault:hunter2}"])
def test_no_error_nor_its_causes_show_a_secret(read, text):
    tree = OmegaConf.create({"auth": {"username": "root", "password": text}})
    with pytest.raises(ConfigError, match=r"auth\.password: ") as caught:
        read(tree)
    error = caught.value
    while error is not None:
        assert "hunter2" not in f"{error} {error!r}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
