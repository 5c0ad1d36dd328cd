"""Dependencies of classes and functions, and the tokens of their results, read from annotations."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Optional

import pytest
from attrs import define, field

from etcd_factory.nest import Application, DeclarationError, Inject, Provider, Token, module
from etcd_factory.nest.dependencies import Dependency, dependencies_of, parameters_of, return_token
from etcd_factory.nest.providers import NOT_GIVEN
from tests.support import nest_in_memory
from tests.support.nest_modules import importing

if TYPE_CHECKING:
    from nowhere import Absent


class A:
    pass


class B:
    pass


TOKEN = Token[A]("A")


class Written:
    def __init__(self, a: A, marked: Annotated[A, Inject(TOKEN)], *, keyword: B, size: int = 3):
        self.received = (a, marked, keyword, size)


@dataclasses.dataclass
class Data:
    a: A
    names: list[str] = dataclasses.field(default_factory=list)


@define
class Attrs:
    a: A
    names: list[str] = field(factory=list)


@define
class Subclass(nest_in_memory.EtcdService):
    """Some of its fields are annotated in another file, with names that this one does not define."""

    more: B


class Variadic:
    def __init__(self, *args, **kwargs):
        self.received = (args, kwargs)


class Unannotated:
    def __init__(self, a):
        self.a = a


class UnannotatedDefault:
    def __init__(self, a=1):
        self.a = a


class OnlyForTypeChecking:
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


def tokens(call):
    return [(one.token, one.name) for one in parameters_of(call)]


@pytest.mark.parametrize("cls", [Data, Attrs, Tuple, Caller(), Caller().method, functools.partial(Attrs, names=[])])
def test_annotations_name_the_tokens(cls):
    assert tokens(cls)[0] == (A, "a")


def test_injections_keywords_and_defaults_are_read():
    assert parameters_of(Written) == (
        Dependency(A, "a"),
        Dependency(TOKEN, "marked"),
        Dependency(B, "keyword", is_keyword=True),
        Dependency(int, "size", 3, is_keyword=True),
    )


def test_annotations_of_another_file_are_evaluated_there():
    assert tokens(Subclass) == [(nest_in_memory.CLIENT, "client"), (B, "more")]


def test_a_class_whose_module_is_not_loaded_uses_its_own_globals():
    class Script(Written):
        __module__ = "run by runpy"

        def __init__(self, a: A):
            self.a = a

    assert tokens(Script) == [(A, "a")]


@pytest.mark.parametrize("call", [A, Variadic, UnannotatedDefault, dict, print, Exception])
def test_a_call_without_required_parameters_has_no_dependencies(call):
    assert parameters_of(call) == ()


def test_bound_arguments_of_a_partial_are_not_injected():
    def make(a: A, b: B, c: int = 1) -> A:
        return a

    assert tokens(functools.partial(make, A())) == [(B, "b"), (int, "c")]
    assert tokens(functools.partial(make, b=B())) == [(A, "a"), (int, "c")]


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
def test_a_parameter_that_may_be_none_is_optional(hint, token):
    def make(a):
        return a

    make.__annotations__["a"] = hint
    assert parameters_of(make) == (Dependency(token, "a", None),)


def test_any_other_union_is_a_token_itself():
    def make(a: A | B) -> A:
        return A()

    assert parameters_of(make) == (Dependency(A | B, "a", NOT_GIVEN),)


def test_a_parameter_without_annotation_is_refused():
    with pytest.raises(DeclarationError, match="parameter 'a' of Unannotated has no annotation; annotate it with its"):
        parameters_of(Unannotated)


def test_a_name_that_is_undefined_at_run_time_is_refused():
    with pytest.raises(
        DeclarationError, match="cannot evaluate the annotations of OnlyForTypeChecking: name 'Absent' is not defined"
    ):
        parameters_of(OnlyForTypeChecking)


def test_inject_replaces_annotations():
    assert dependencies_of(Provider("t", use_factory=Unannotated, inject=[A])) == (Dependency(A, "inject[0]"),)


def test_a_value_has_no_dependencies_and_an_alias_has_one():
    assert dependencies_of(Provider("t", use_value=A)) == ()
    assert dependencies_of(Provider("t", use_existing=A)) == (Dependency(A, "use_existing"),)


def test_parameters_are_passed_as_declared():
    b = B()
    providers = (A, Written, Provider(TOKEN, use_value="marked"), Provider(B, use_value=b), Data, Attrs)
    with Application(importing(providers=providers)) as app:
        assert app.get(Written).received == (app.get(A), "marked", b, 3)
        assert app.get(Data).a is app.get(Attrs).a is app.get(A)
        assert app.get(Data).names == app.get(Attrs).names == []


def test_a_provider_overrides_a_default():
    providers = (A, Written, Provider(TOKEN, use_value=0), B, Provider(int, use_value=7))
    with Application(importing(providers=providers)) as app:
        assert app.get(Written).received[3] == 7


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
def test_the_return_annotation_of_a_function_is_its_token(function):
    assert return_token(function) is A


def without_annotation():
    return A()


def nothing() -> None:
    return None


def bare() -> Iterator:
    yield A()


@pytest.mark.parametrize("function", [without_annotation, nothing, bare])
def test_a_function_without_a_usable_return_annotation_is_refused(function):
    with pytest.raises(
        DeclarationError,
        match=f"{function.__name__} has no return annotation to take its token from; add one, or declare Provider",
    ):
        return_token(function)


def test_a_function_is_exported_under_its_return_annotation():
    @module(providers=[plain], exports=[plain])
    class P:
        pass

    with Application(importing(P)) as app:
        assert isinstance(app.get(A), A)
