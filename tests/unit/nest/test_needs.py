"""What classes and functions need and give, by their annotations."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Optional

import pytest
from attrs import define, field

from etcd_factory.nest import Application, DeclarationError, Inject, Provider, Token, UnresolvedError, module
from etcd_factory.nest.dependencies import Need, given_by, needs_of, parameters
from etcd_factory.nest.providers import NOT_GIVEN
from tests.support import nest_toy as toy

if TYPE_CHECKING:
    from nowhere import Absent


class A:
    pass


class B:
    pass


TOKEN = Token[A]("A")


class Written:
    def __init__(self, a: A, marked: Annotated[A, Inject(TOKEN)], *, named: B, size: int = 3):
        self.given = (a, marked, named, size)


@dataclasses.dataclass
class Data:
    a: A
    names: list[str] = dataclasses.field(default_factory=list)


@define
class Attrs:
    a: A
    names: list[str] = field(factory=list)


@define
class Heir(toy.EtcdService):
    """Some of its fields were annotated in another file, with names that this one does not have."""

    more: B


class Swallowing:
    def __init__(self, *args, **kwargs):
        self.given = (args, kwargs)


class Untold:
    def __init__(self, a):
        self.a = a


class Unannotated:
    def __init__(self, a=1):
        self.a = a


class Absentminded:
    def __init__(self, absent: Absent):
        self.absent = absent


class Tuple(tuple):
    def __new__(cls, a: A):
        return super().__new__(cls, (a,))


class Caller:
    def __call__(self, a: A) -> B:
        return B()

    def method(self, a: A) -> B:
        return B()


def names(call):
    return [(need.token, need.name) for need in parameters(call)]


@pytest.mark.parametrize("cls", [Data, Attrs, Tuple, Caller(), Caller().method, functools.partial(Attrs, names=[])])
def test_the_annotations_tell_the_tokens(cls):
    assert names(cls)[0] == (A, "a")


def test_marks_and_names_and_defaults():
    assert parameters(Written) == (
        Need(A, "a"),
        Need(TOKEN, "marked"),
        Need(B, "named", is_named=True),
        Need(int, "size", 3, is_named=True),
    )


def test_annotations_of_another_file_are_read_there():
    assert names(Heir) == [(toy.CLIENT, "client"), (B, "more")]


def test_a_class_of_a_module_that_is_not_loaded_is_read_by_its_own_names():
    class Script(Written):
        __module__ = "run by runpy"

        def __init__(self, a: A):
            self.a = a

    assert names(Script) == [(A, "a")]


@pytest.mark.parametrize("call", [A, Swallowing, Unannotated, dict, print, Exception])
def test_what_needs_nothing(call):
    assert parameters(call) == ()


def test_a_partial_function_is_asked_for_the_rest_only():
    def make(a: A, b: B, c: int = 1) -> A:
        return a

    assert names(functools.partial(make, A())) == [(B, "b"), (int, "c")]
    assert names(functools.partial(make, b=B())) == [(A, "a"), (int, "c")]


@pytest.mark.parametrize(
    ("hint", "token"),
    [
        (A | None, A),
        (Optional[A], A),  # noqa: UP045
        (Annotated[A | None, "note"], A),
        (Annotated[A, Inject(TOKEN, optional=True)], TOKEN),
        (Optional[Annotated[A, Inject(TOKEN)]], TOKEN),  # noqa: UP045
    ],
)
def test_what_may_be_none_is_optional(hint, token):
    def make(a):
        return a

    make.__annotations__["a"] = hint
    assert parameters(make) == (Need(token, "a", None),)


def test_a_union_is_a_token_as_it_is():
    def make(a: A | B) -> A:
        return A()

    assert parameters(make) == (Need(A | B, "a", NOT_GIVEN),)


def test_a_parameter_without_an_annotation_is_an_error():
    with pytest.raises(DeclarationError, match="Untold has a parameter 'a' without an annotation; write its"):
        parameters(Untold)


def test_a_name_that_is_not_there_at_run_time_is_an_error():
    with pytest.raises(DeclarationError, match="the annotations of Absentminded can't be read: name 'Absent' is not"):
        parameters(Absentminded)


def test_inject_needs_no_annotations():
    assert needs_of(Provider("t", use_factory=Untold, inject=[A])) == (Need(A, "inject[0]"),)


def test_parameters_are_filled_as_they_are_written():
    b = B()

    @module(providers=[A, Written, Provider(TOKEN, use_value="marked"), Provider(B, use_value=b), Data, Attrs])
    class App:
        pass

    with Application(App) as app:
        assert app.get(Written).given == (app.get(A), "marked", b, 3)
        assert app.get(Data).a is app.get(Attrs).a is app.get(A)
        assert app.get(Data).names == app.get(Attrs).names == []


def test_a_default_gives_way_to_a_provider():
    @module(providers=[A, Written, Provider(TOKEN, use_value=0), B, Provider(int, use_value=7)])
    class App:
        pass

    with Application(App) as app:
        assert app.get(Written).given[3] == 7


def test_all_that_is_missing_is_told_together():
    @module(providers=[Written])
    class App:
        pass

    with pytest.raises(UnresolvedError, match="3 dependencies can't be resolved:\\n  Written in App can't") as caught:
        Application(App)
    assert [missing.parameter for missing in caught.value.missing] == ["a", "marked", "named"]


def plain() -> A:
    return A()


async def awaited() -> A:
    return A()


def generator() -> Iterator[A]:
    yield A()


async def async_generator() -> AsyncIterator[A]:
    yield A()


def optional() -> A | None:
    return None


@pytest.mark.parametrize("function", [plain, awaited, generator, async_generator, optional])
def test_a_function_says_what_it_gives(function):
    assert given_by(function) is A


def silent():
    return A()


def nothing() -> None:
    return None


def bare() -> Iterator:
    yield A()


@pytest.mark.parametrize("function", [silent, nothing, bare])
def test_a_function_that_does_not_say_it_is_an_error(function):
    with pytest.raises(DeclarationError, match=f"{function.__name__} does not say what it gives; write its return"):
        given_by(function)


def test_a_function_is_exported_as_what_it_gives():
    @module(providers=[plain], exports=[plain])
    class P:
        pass

    @module(imports=[P])
    class App:
        pass

    with Application(App) as app:
        assert isinstance(app.get(A), A)
