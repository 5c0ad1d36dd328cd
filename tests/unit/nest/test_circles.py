"""Circles of providers, closed by forward references."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import pickle
from typing import Annotated, Any

import pytest
from attrs import frozen
from dishka import make_container

from etcd_factory.nest import (
    Application,
    AsyncApplication,
    CycleError,
    DeclarationError,
    Inject,
    Provider,
    forward_ref,
    module,
    provider_of,
)
from tests.support.nest_modules import AppService, importing


class Cats:
    def __init__(self, common: Annotated[Any, Inject(forward_ref(lambda: Common))], service: AppService):
        self.common, self.service = common, service


class Common:
    def __init__(self, cats: Annotated[Any, Inject(forward_ref(lambda: Cats))], *, own: Annotated[int, Inject("own")]):
        self.cats, self.own = cats, own


OWN = Provider("own", use_value=1)


@pytest.mark.anchor("nest-71")
@pytest.mark.parametrize("providers", [(Cats, Common), (Common, Cats)])
def test_two_providers_inject_each_other(providers):
    with Application(importing(providers=(*providers, AppService, OWN))) as app:
        cats, common = app.get(Cats), app.get(Common)
        assert (cats.common, common.cats) == (common, cats)
        assert (cats.service, common.own) == (app.get(AppService), 1)


@pytest.mark.anchor("nest-71")
async def test_two_providers_inject_each_other_in_asyncio():
    async with AsyncApplication(importing(providers=(Cats, Common, AppService, OWN))) as app:
        assert app.get(Cats).common is app.get(Common)


class Late:
    def __init__(self, early: "Early"):
        self.early = early
        self.ready = early.ready


class Early:
    def __init__(self, late: Annotated[Any, Inject(forward_ref(lambda: Late))]):
        self.late = late
        self.ready = True
        self.was_ready = hasattr(late, "ready")


@pytest.mark.anchor("nest-71")
def test_one_reference_closes_a_circle_and_decides_who_is_initialized_first():
    with Application(importing(providers=(Late, Early))) as app:
        assert app.get(Early).late is app.get(Late)
        assert (app.get(Late).ready, app.get(Early).was_ready) == (True, False)


@pytest.mark.anchor("nest-71")
def test_frozen_classes_and_longer_circles_work():
    @frozen(eq=False)
    class A:
        b: Annotated[Any, Inject(forward_ref(lambda: B))]

    @frozen(eq=False)
    class B:
        c: Annotated[Any, Inject(forward_ref(lambda: C))]

    @frozen(eq=False)
    class C:
        a: A

    with Application(importing(providers=(A, B, C))) as app:
        assert app.get(A).b.c.a is app.get(A)
        assert app.get(A).b is app.get(B)


@pytest.mark.anchor("nest-71")
def test_a_class_may_inject_itself():
    class Self:
        def __init__(self, itself: Annotated[Any, Inject(forward_ref(lambda: Self))]):
            self.itself = itself

    with Application(importing(providers=(Self,))) as app:
        assert app.get(Self).itself is app.get(Self)


@pytest.mark.anchor("nest-71")
def test_a_reference_without_a_circle_is_like_a_token():
    def make(service: Annotated[AppService, Inject(forward_ref(lambda: AppService))]) -> int:
        assert service.text == ""
        return 1

    listed = Provider("listed", use_factory=lambda one: one, inject=[forward_ref(lambda: AppService)])
    with Application(importing(providers=(make, listed, AppService))) as app:
        assert app.get(int) == 1
        assert app.get("listed") is app.get(AppService)


@pytest.mark.anchor("nest-71")
def test_inject_lists_references_for_classes_too():
    class Left:
        def __init__(self, right):
            self.right = right

    class Right:
        def __init__(self, left):
            self.left = left

    left = Provider(Left, use_factory=Left, inject=[forward_ref(lambda: Right)])
    with Application(importing(providers=(left, Provider(Right, use_factory=Right, inject=[Left])))) as app:
        assert app.get(Left).right.left is app.get(Left)


@pytest.mark.anchor("nest-71")
def test_a_circle_may_lead_through_modules_that_import_each_other():
    @module(imports=[forward_ref(lambda: Two)], providers=[Cats, AppService], exports=[Cats])
    class One:
        pass

    @module(imports=[forward_ref(lambda: One)], providers=[Common, OWN], exports=[Common])
    class Two:
        pass

    with Application(One) as app:
        assert app.get(Cats).common.cats is app.get(Cats)


@pytest.mark.anchor("nest-71")
def test_a_circle_of_the_scope_request_is_one_for_each_context():
    cats = Provider(Cats, use_class=Cats, scope="request")
    root = importing(providers=(cats, Common, AppService, OWN))
    with Application(root) as app, app.context() as context, app.context() as other:
        common = app.resolve(Common, context=context)
        assert common.cats is app.resolve(Cats, context=context)
        assert common.cats.common is common is not app.resolve(Common, context=other)


def test_a_circle_is_complete_in_a_container_of_dishka_too():
    container = make_container(provider_of(importing(providers=(Cats, Common, AppService, OWN))))
    assert container.get(Cats).common.cats is container.get(Cats)
    container.close()


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        (Provider(Common, use_factory=lambda cats: cats, inject=[Cats]), "Common in App is not"),
        (Provider(Common, use_existing=Cats), "Common in App is not"),
        (Provider(Common, use_class=Common, scope="transient"), "Common in App is not"),
    ],
)
def test_a_circle_of_others_than_classes_is_an_error(provider, text):
    with pytest.raises(CycleError, match="every provider must be a class that is not transient; " + text) as caught:
        Application(importing(providers=(Cats, provider, AppService, OWN)))
    assert {*caught.value.path} == {"Cats in App", "Common in App"}
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.anchor("nest-14")
def test_a_circle_without_a_reference_is_an_error_that_names_forward_ref():
    with pytest.raises(CycleError, match=r"inject one of them by Inject\(forward_ref\(lambda: TheClass\)\)"):
        Application(importing(providers=(Late, Provider(Early, use_factory=lambda late: late, inject=[Late]))))


@pytest.mark.parametrize("value", [AppService, "text", None])
def test_a_reference_needs_a_function(value):
    with pytest.raises(DeclarationError, match="use a function that returns it"):
        forward_ref(value)


def test_a_reference_is_no_token_to_provide_or_get():
    with pytest.raises(DeclarationError, match="invalid token"):
        Provider(forward_ref(lambda: AppService), use_value=1)


def test_the_error_of_what_a_reference_returns_names_the_provider():
    class Wrong:
        def __init__(self, a: Annotated[Any, Inject(forward_ref(lambda: None))]):
            pass

    with pytest.raises(DeclarationError, match="Wrong in App: invalid token None"):
        Application(importing(providers=(Wrong,)))
