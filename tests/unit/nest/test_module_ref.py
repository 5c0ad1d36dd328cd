"""``ModuleRef``: what a provider reaches through its own module."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import pytest

from etcd_factory.nest import (
    Application,
    ApplicationStateError,
    AsyncApplication,
    AsyncModuleRef,
    ModuleRef,
    Provider,
    ProviderNotFoundError,
    ScopeError,
    UnresolvedError,
    module,
    provider_of,
)
from tests.support.nest_modules import AppService, importing


class User:
    def __init__(self, ref: ModuleRef):
        self.ref = ref


class AsyncUser:
    def __init__(self, ref: AsyncModuleRef):
        self.ref = ref


class Consumer:
    """Not a provider."""

    def __init__(self, service: AppService):
        self.service = service


@module(providers=[Provider("low", use_value="low"), Provider("shared", use_value="shared")], exports=["shared"])
class Low:
    pass


def root(*providers, user=User):
    return importing(Low, providers=(user, Provider("own", use_value="own"), *providers))


@pytest.mark.anchor("nest-70")
def test_get_returns_what_the_module_itself_provides_and_everything_if_it_is_not_strict():
    with Application(root()) as app:
        ref = app.get(User).ref
        assert ref.get("own") == "own"
        for token in ("shared", "low"):
            with pytest.raises(ProviderNotFoundError, match=f"'{token}'"):
                ref.get(token)
            assert ref.get(token, strict=False) == token


@pytest.mark.anchor("nest-70")
def test_each_module_has_its_own():
    @module(providers=[User, Provider("own", use_value="of the other")])
    class Other:
        pass

    with Application(importing(Other, Low, providers=(User, Provider("own", use_value="own")))) as app:
        assert app.get(User).ref.get("own") == "own"
        assert app.select(Other).get(User).ref.get("own") == "of the other"
        assert repr(app.get(User).ref) == "<ModuleRef App>"


@pytest.mark.anchor("nest-70")
def test_it_is_usable_in_the_hooks_of_the_start_and_not_in_constructors():
    class Late(User):
        def on_module_init(self):
            self.found = self.ref.get("own")

    class Early(User):
        def __init__(self, ref: ModuleRef):
            ref.get("own")

    with Application(root(Late)) as app:
        assert app.get(Late).found == "own"
    with pytest.raises(ApplicationStateError, match="not running"):
        Application(root(Early)).start()


@pytest.mark.anchor("nest-69")
@pytest.mark.parametrize("scope", ["transient", "request"])
def test_resolve_returns_scoped_providers(scope):
    with Application(root(Provider(AppService, use_class=AppService, scope=scope))) as app:
        ref = app.get(User).ref
        with pytest.raises(ScopeError):
            ref.get(AppService)
        assert ref.resolve(AppService) is not ref.resolve(AppService)
        with app.context() as context:
            assert ref.resolve(AppService, context=context) is ref.resolve(AppService, context=context)
        with pytest.raises(ProviderNotFoundError):
            ref.resolve("low")
        assert ref.resolve("low", strict=False) == "low"


@pytest.mark.anchor("nest-70")
def test_create_builds_a_class_that_is_no_provider_each_time():
    with Application(root(AppService)) as app:
        ref = app.get(User).ref
        first, second = ref.create(Consumer), ref.create(Consumer)
        assert first is not second
        assert first.service is second.service is app.get(AppService)


@pytest.mark.anchor("nest-70")
def test_create_needs_what_the_module_sees():
    with Application(root()) as app, pytest.raises(UnresolvedError, match="dependencies of Consumer in App"):
        app.get(User).ref.create(Consumer)


@pytest.mark.anchor("nest-70")
def test_create_builds_the_dependencies_of_other_scopes():
    with Application(root(Provider(AppService, use_class=AppService, scope="request"))) as app:
        ref = app.get(User).ref
        assert ref.create(Consumer).service is not ref.create(Consumer).service
        with app.context() as context:
            services = [ref.create(Consumer, context=context).service for _ in range(2)]
            assert services == [app.resolve(AppService, context=context)] * 2


@pytest.mark.anchor("nest-70")
def test_what_create_opens_is_closed_with_the_application():
    def open_one():
        yield AppService()
        log.append("closed")

    log = []
    with Application(root(Provider(AppService, use_factory=open_one, scope="transient"))) as app:
        app.get(User).ref.create(Consumer)
    assert log == ["closed"]


@pytest.mark.anchor("nest-70")
@pytest.mark.parametrize("user", [User, AsyncUser])
async def test_it_is_awaited_in_asyncio_under_either_name(user):
    async def make() -> AppService:
        return AppService()

    made = Provider(AppService, use_factory=make, scope="request")
    async with AsyncApplication(root(made, user=user)) as app:
        ref = app.get(user).ref
        assert isinstance(ref, AsyncModuleRef)
        assert ref.get("own") == "own"
        assert ref.get("low", strict=False) == "low"
        assert await ref.resolve(AppService) is not await ref.resolve(AppService)
        async with app.context() as context:
            created = await ref.create(Consumer, context=context)
            assert created.service is await ref.resolve(AppService, context=context)
        assert repr(ref) == "<AsyncModuleRef App>"


def test_a_plain_provider_for_dishka_has_none():
    with pytest.raises(
        UnresolvedError, match="parameter 'ref' needs ModuleRef, which is not visible in App; only an App"
    ):
        provider_of(root())
