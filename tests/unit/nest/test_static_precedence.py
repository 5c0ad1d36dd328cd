"""Which provider wins, what is built when, and cycles (behaviours 9 to 14)."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

from typing import Annotated

import pytest

from etcd_factory.nest import Application, CycleError, DynamicModule, Inject, Provider, module
from tests.unit.nest.test_static_modules import AppService, giving


def test_b9_what_is_imported_is_built_before_and_only_once():
    built = []

    @module(providers=[Provider("low", use_factory=lambda: built.append("low"))], exports=["low"])
    class Low:
        pass

    @module(imports=[Low])
    class Left:
        pass

    @module(imports=[Low])
    class Right:
        pass

    def consumer(low: Annotated[None, Inject("low")]) -> AppService:
        built.append("consumer")
        return AppService()

    @module(imports=[Left, Right, Low], providers=[consumer])
    class App:
        pass

    with Application(App):
        assert built == ["low", "consumer"]


def test_b10_a_class_provides_itself_and_exports_take_token_class_and_provider():
    by_text = Provider("text", use_value="t")

    @module(providers=[AppService, by_text, Provider("token", use_value=1)], exports=[AppService, by_text, "token"])
    class P:
        pass

    @module(imports=[P])
    class App:
        pass

    with Application(App) as app:
        assert isinstance(app.get(AppService), AppService)
        assert (app.get("text"), app.get("token")) == ("t", 1)


def test_b11_the_last_provider_of_a_token_wins():
    @module(providers=[Provider("t", use_value=1), Provider("t", use_value=2)])
    class App:
        pass

    with Application(App) as app:
        assert app.get("t") == 2


def test_b11_dynamic_beats_static_and_own_beats_imported():
    @module(providers=[Provider("t", use_value="static")], exports=["t"])
    class P:
        pass

    dynamic = DynamicModule(P, providers=[Provider("t", use_value="dynamic")])

    @module(imports=[dynamic])
    class A:
        pass

    @module(imports=[dynamic], providers=[Provider("t", use_value="own")])
    class B:
        pass

    @module(imports=[A, B])
    class App:
        pass

    with Application(App) as app:
        assert (app.select(A).get("t"), app.select(B).get("t")) == ("dynamic", "own")


def test_b12_the_first_import_wins_and_an_import_beats_a_global_module():
    first, second, everywhere = giving(1), giving(2), giving(3, is_global=True)

    @module(imports=[everywhere, first, second])
    class A:
        pass

    @module(imports=[second, first])
    class B:
        pass

    @module(imports=[second])
    class C:
        pass

    @module()
    class D:
        pass

    @module(imports=[A, B, C, D, everywhere])
    class App:
        pass

    with Application(App) as app:
        assert [app.select(one).get("t") for one in (A, B, C, D)] == [3, 2, 2, 3]


def test_b13_the_class_of_a_module_is_built_with_what_it_needs():
    @module(providers=[AppService])
    class App:
        def __init__(self, service: AppService):
            self.service = service

    with Application(App) as app:
        assert app.get(App).service is app.get(AppService)


def test_b14_providers_that_need_one_another_are_an_error():
    @module(
        providers=[
            Provider("a", use_factory=str, inject=["b"]),
            Provider("b", use_factory=str, inject=["c"]),
            Provider("c", use_factory=str, inject=["b"]),
        ]
    )
    class App:
        pass

    with pytest.raises(CycleError, match="one another") as caught:
        Application(App)
    assert caught.value.path == ("'b' in App", "'c' in App", "'b' in App")


def test_b14_modules_may_import_one_another_behind_a_function():
    @module(imports=[lambda: B], providers=[AppService, Provider("a", use_factory=len, inject=["b"])], exports=["a"])
    class A:
        pass

    @module(imports=[A], providers=[Provider("b", use_value="four")], exports=["b"])
    class B:
        pass

    with Application(A) as app:
        assert app.get("a") == 4
        assert app.select(B).get("a") == 4
