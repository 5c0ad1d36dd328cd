"""Fingerprints: what makes two values equal."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from attrs import define, field, frozen
from omegaconf import OmegaConf

from etcd_factory.nest import Inject, Provider, Token
from etcd_factory.nest.fingerprint import fingerprint


@frozen
class Options:
    hosts: list[str]
    note: str = field(default="", eq=False)


@define(eq=False)
class Handle:
    name: str


@dataclasses.dataclass
class Point:
    x: dict[str, int]
    seen: int = dataclasses.field(default=0, compare=False)


class Plain:
    """Compares by identity and is not hashable."""

    __hash__ = None

    def method(self):
        return self


def adding(n):
    return lambda x: x + n


def defaulting(n, at=0):
    def defaults(x=n, *, y=at):
        return x, y

    return defaults


def appending(log):
    return lambda: log.append(1)


class BadHash:
    """Cannot be hashed, although it has a method for it."""

    def __hash__(self):
        raise RuntimeError


class Live(Mapping):
    """A mapping without fixed content."""

    def __getitem__(self, key):
        raise KeyError(key)

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0


def recursive(n):
    def down(x):
        return down(x - n) if x else 0

    return down


def closing_over_unassigned():
    def early():
        return late

    found = fingerprint(early)
    late = 1
    return found, late


TOKEN, HANDLE, PLAIN, BAD_HASH = Token[int]("t"), Handle("h"), Plain(), BadHash()

EQUAL = {
    "numbers": (1, 1),
    "strings": ("a", "a"),
    "lists": ([1, [2]], [1, [2]]),
    "mappings in any order": ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
    "views of mappings": (MappingProxyType({"a": [1]}), MappingProxyType({"a": [1]})),
    "OmegaConf trees": (OmegaConf.create({"a": [1]}), OmegaConf.create({"a": [1]})),
    "sets": ({1, 2}, {2, 1}),
    "attrs values": (Options(["a"], "one note"), Options(["a"], "another")),
    "dataclasses": (Point({"x": 1}, 1), Point({"x": 1}, 2)),
    "functions": (adding(1), adding(1)),
    "functions that close over themselves": (recursive(1), recursive(1)),
    "partial functions": (functools.partial(max, (1,), key=len), functools.partial(max, (1,), key=len)),
    "bound methods": (PLAIN.method, PLAIN.method),
    "built-in functions": (math.sin, math.sin),
    "providers": (Provider(TOKEN, use_value=[1]), Provider(TOKEN, use_value=[1])),
    "injections": (Inject(TOKEN), Inject(TOKEN)),
    "one object": (PLAIN, PLAIN),
    "one object whose hash fails": (BAD_HASH, BAD_HASH),
    "one handle": (HANDLE, HANDLE),
}

DIFFERENT = {
    "a number and a boolean": (1, True),
    "a number and a float": (1, 1.0),
    "a list and a tuple": ([1], (1,)),
    "values of different classes": (Options(["a"]), Point({"x": 1})),
    "attrs values": (Options(["a"]), Options(["b"])),
    "functions that close over different values": (adding(1), adding(2)),
    "functions that recurse with different values": (recursive(1), recursive(2)),
    "partial functions": (functools.partial(max, 1), functools.partial(max, 2)),
    "methods of two objects": (Plain().method, Plain().method),
    "two objects": (Plain(), Plain()),
    "two objects whose hash fails": (BadHash(), BadHash()),
    "two handles of one name": (Handle("h"), Handle("h")),
    "two tokens of one name": (Token("t"), Token("t")),
    "functions with different defaults": (defaulting(1), defaulting(2)),
    "functions with different keyword defaults": (defaulting(1, at=1), defaulting(1, at=2)),
    "functions that fill different lists": (appending([]), appending([])),
    "partial functions that fill different lists": (functools.partial(appending, []), functools.partial(appending, [])),
    "live mappings": (Live(), Live()),
}


@pytest.mark.parametrize("case", EQUAL)
def test_values_of_equal_meaning_have_equal_fingerprints(case):
    one, other = map(fingerprint, EQUAL[case])
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("case", DIFFERENT)
def test_different_values_have_different_fingerprints(case):
    one, other = map(fingerprint, DIFFERENT[case])
    assert one != other


def test_annotations_count_since_they_name_what_is_injected():
    def consumer(kind):
        def make(x: kind) -> object:  # type: ignore[valid-type]
            return x

        make.__annotations__["x"] = kind
        return make

    assert fingerprint(consumer(int)) == fingerprint(consumer(int))
    assert fingerprint(consumer(int)) != fingerprint(consumer(str))


def test_a_function_may_close_over_an_unassigned_variable():
    found, _ = closing_over_unassigned()
    assert found == closing_over_unassigned()[0]


def test_a_value_may_contain_itself():
    one, other = [1], [1]
    one.append(one)
    other.append(other)
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint([1, one])
