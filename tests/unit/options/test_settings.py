"""gRPC's own options: which values it takes, and that they are a value."""

from __future__ import annotations

import copy
import pickle

import pytest

from etcd_factory.errors import ConfigError
from etcd_factory.options import ClientOptions
from etcd_factory.options.settings import Settings, settings

GIVEN = {"grpc.a": 1, "grpc.b": "text", "grpc.c": b"bytes"}


def test_it_is_a_read_only_copy():
    given = dict(GIVEN)
    made = settings(given)
    given["grpc.a"] = 2
    assert (made, len(made), repr(made)) == (GIVEN, 3, repr(GIVEN))
    with pytest.raises(TypeError):
        made["grpc.a"] = 2


def test_equal_ones_have_equal_hashes():
    assert hash(settings(GIVEN)) == hash(Settings(dict(reversed(GIVEN.items()))))
    assert settings(GIVEN) != settings({})


def test_every_wrong_value_is_named():
    with pytest.raises(ConfigError) as caught:
        settings({"grpc.fine": 1, "grpc.a": 1.5, "grpc.b": None, "grpc.c": ["x"], "grpc.d": 2**31, "grpc.e": -(2**40)})
    assert [(fault.path, fault.message) for fault in caught.value.faults] == [
        ("grpc.a", "expected an int or text, got float"),
        ("grpc.b", "expected an int or text, got nothing"),
        ("grpc.c", "expected an int or text, got list"),
        ("grpc.d", f"expected an int from {-(2**31)} to {2**31 - 1}, got {2**31}"),
        ("grpc.e", f"expected an int from {-(2**31)} to {2**31 - 1}, got {-(2**40)}"),
    ]


def test_the_ends_of_a_c_int_are_valid():
    assert settings({"a": 2**31 - 1, "b": -(2**31), "c": True}) == {"a": 2**31 - 1, "b": -(2**31), "c": True}


OPTIONS = [
    {},
    {
        "transport": "grpc",
        "grpc_options": GIVEN,
        "hosts": ["a:1", "b:1"],
        "auth": {"username": "u", "password": "p"},
        "namespace": b"n",
    },
]


@pytest.mark.parametrize("given", OPTIONS, ids=["defaults", "others"])
def test_the_options_of_a_client_are_a_value(given):
    options = ClientOptions.of(given)
    for same in (copy.copy(options), copy.deepcopy(options), pickle.loads(pickle.dumps(options))):
        assert (same, hash(same)) == (options, hash(options))
