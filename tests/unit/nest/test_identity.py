"""What two values have in common, and which modules are therefore one."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from attrs import define, field, frozen
from omegaconf import OmegaConf

from etcd_factory.nest import Application, DeclarationError, DynamicModule, Inject, Provider, Token, module
from etcd_factory.nest.identity import Keys, fingerprint


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
    """Compares by itself and can't be hashed."""

    __hash__ = None

    def method(self):
        return self


def adding(n):
    return lambda x: x + n


def defaulting(n, at=0):
    def shown(x=n, *, y=at):
        return x, y

    return shown


def filling(log):
    return lambda: log.append(1)


class Live(Mapping):
    """A mapping that changes by itself."""

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


def unfilled():
    def early():
        return late

    shape = fingerprint(early)
    late = 1
    return shape, late


TOKEN, HANDLE, PLAIN = Token[int]("t"), Handle("h"), Plain()

SAME = {
    "numbers": (1, 1),
    "texts": ("a", "a"),
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
    "what is injected": (Inject(TOKEN), Inject(TOKEN)),
    "one object": (PLAIN, PLAIN),
    "one handle": (HANDLE, HANDLE),
}

OTHER = {
    "a number and a truth": (1, True),
    "a number and a float": (1, 1.0),
    "a list and a tuple": ([1], (1,)),
    "values of other classes": (Options(["a"]), Point({"x": 1})),
    "attrs values": (Options(["a"]), Options(["b"])),
    "functions that close over others": (adding(1), adding(2)),
    "functions that recurse by others": (recursive(1), recursive(2)),
    "partial functions": (functools.partial(max, 1), functools.partial(max, 2)),
    "methods of two objects": (Plain().method, Plain().method),
    "two objects": (Plain(), Plain()),
    "two handles of one name": (Handle("h"), Handle("h")),
    "two tokens of one name": (Token("t"), Token("t")),
    "functions with other defaults": (defaulting(1), defaulting(2)),
    "functions with other defaults by name": (defaulting(1, at=1), defaulting(1, at=2)),
    "functions that fill other lists": (filling([]), filling([])),
    "partial functions that fill other lists": (functools.partial(filling, []), functools.partial(filling, [])),
    "live mappings": (Live(), Live()),
}


@pytest.mark.parametrize("case", SAME)
def test_what_means_the_same_has_one_fingerprint(case):
    one, other = map(fingerprint, SAME[case])
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("case", OTHER)
def test_what_differs_has_two(case):
    one, other = map(fingerprint, OTHER[case])
    assert one != other


def test_annotations_count_for_they_say_what_is_injected():
    def consumer(kind):
        def make(x: kind) -> object:  # type: ignore[valid-type]
            return x

        make.__annotations__["x"] = kind
        return make

    assert fingerprint(consumer(int)) == fingerprint(consumer(int))
    assert fingerprint(consumer(int)) != fingerprint(consumer(str))


def test_a_function_may_close_over_what_is_not_there_yet():
    shape, _ = unfilled()
    assert shape == unfilled()[0]


def test_a_value_that_is_a_part_of_itself_ends():
    one, other = [1], [1]
    one.append(one)
    other.append(other)
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint([1, one])


@module()
class M:
    pass


def nested(depth, value):
    made = DynamicModule(M, providers=[Provider("v", use_value=value)])
    for _ in range(depth):
        made = DynamicModule(M, imports=[made])
    return made


def test_a_module_is_its_class_or_what_it_was_made_with():
    keys = Keys()
    assert keys.key(M) == keys.key(M)
    assert keys.key(M) != keys.key(DynamicModule(M))
    assert keys.key(nested(3, 1)) == keys.key(nested(3, 1))
    assert keys.key(nested(3, 1)) != keys.key(nested(3, 2))
    assert keys.key(nested(3, 1)) != keys.key(nested(2, 1))


def test_each_part_of_a_dynamic_module_counts():
    parts = [
        {"exports": [M]},
        {"exports": ["t"]},
        {"imports": [M]},
        {"providers": [Token]},
        {"name": "m"},
        {"is_global": True},
        {},
    ]
    keys = Keys()
    assert len({keys.key(DynamicModule(M, **part)) for part in parts for _ in range(2)}) == len(parts)


def test_by_reference_only_the_same_object_is_one():
    keys, made = Keys("reference"), nested(2, 1)
    assert keys.key(made) == keys.key(made)
    assert keys.key(made) != keys.key(nested(2, 1))


@pytest.mark.parametrize("identity", ["value", "reference"])
def test_modules_may_be_nested_deeper_than_python_recurses(identity):
    @module(imports=[nested(1500, 1), nested(1500, 1)])
    class App:
        pass

    count = len(Application(App, identity=identity).graph.tree.nodes)
    assert count == {"value": 1502, "reference": 3003}[identity]


def test_a_transient_module_makes_its_importers_differ():
    def made(is_transient):
        return DynamicModule(M, imports=[DynamicModule(M, is_transient=is_transient)])

    keys = Keys()
    assert keys.key(made(False)) == keys.key(made(False))
    assert keys.key(made(True)) != keys.key(made(True))


@pytest.mark.parametrize(("identity", "asked"), [("value", 1), ("reference", 2)])
def test_a_function_in_imports_is_asked_once(identity, asked):
    calls = []

    def importing():
        return lambda: calls.append(1) or M

    def holder():
        return module(imports=[importing()])(type("Holder", (), {}))

    Application(module(imports=[holder(), holder()])(type("App", (), {})), identity=identity)
    assert len(calls) == asked


def test_there_are_two_kinds_of_identity():
    with pytest.raises(DeclarationError, match="value, reference, not 'valu'; did you mean 'value'"):
        Application(M, identity="valu")
