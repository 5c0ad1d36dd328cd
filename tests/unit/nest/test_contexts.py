"""Scopes and contexts: what is one instance for the application, for a request, or for a consumer."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import asyncio
import threading
from typing import Annotated

import pytest
from dishka import make_container

from etcd_factory.errors import EtcdFactoryError
from etcd_factory.nest import (
    REQUEST,
    Application,
    ApplicationStateError,
    AsyncApplication,
    Inject,
    Provider,
    ScopeError,
    StopError,
    module,
    provider_of,
)
from tests.support.nest_modules import AppService, importing

REQUESTED = Provider(AppService, use_class=AppService, scope="request")
TRANSIENT = Provider(AppService, use_class=AppService, scope="transient")


class Consumer:
    def __init__(self, service: AppService):
        self.service = service


class Other(Consumer):
    pass


def opened(log, scope):
    """A provider whose instances log when they are opened and closed."""

    def open_one():
        number = log.count("+")
        log.append("+")
        yield number
        log.append("-")

    return Provider("opened", use_factory=open_one, scope=scope)


@pytest.mark.anchor("nest-67")
def test_each_consumer_of_a_transient_provider_has_its_own_instance():
    with Application(importing(providers=(TRANSIENT, Consumer, Other))) as app:
        assert app.get(Consumer) is app.get(Consumer)
        assert app.get(Consumer).service is not app.get(Other).service


@pytest.mark.anchor("nest-67")
def test_a_transient_provider_of_an_imported_module_is_one_instance_for_each_consumer():
    @module(providers=[TRANSIENT], exports=[AppService])
    class Exporting:
        pass

    with Application(importing(Exporting, providers=(Consumer, Other))) as app:
        assert app.get(Consumer).service is not app.get(Other).service


@pytest.mark.anchor("nest-67")
def test_an_alias_of_a_transient_provider_is_transient():
    providers = (TRANSIENT, Provider("alias", use_existing=AppService))
    consumers = [Provider(name, use_factory=lambda one: one, inject=["alias"]) for name in "ab"]
    with Application(importing(providers=(*providers, *consumers))) as app:
        assert app.get("a") is not app.get("b")
        with pytest.raises(ScopeError):
            app.get("alias")


@pytest.mark.anchor("nest-67")
def test_a_transient_generator_is_closed_with_what_it_was_built_for():
    log = []
    consumer = Provider("consumer", use_factory=lambda one: one, inject=["opened"])
    requested = Provider("requested", use_factory=lambda one: one, inject=["opened"], scope="request")
    with Application(importing(providers=(opened(log, "transient"), consumer, requested))) as app:
        assert (log, app.get("consumer")) == (["+"], 0)
        with app.context() as context:
            assert app.resolve("requested", context=context) == 1
        assert log == ["+", "+", "-"]
    assert log == ["+", "+", "-", "-"]


@pytest.mark.anchor("nest-68")
def test_a_request_provider_is_one_instance_for_each_context():
    root = importing(providers=(REQUESTED, Consumer, Other))
    with Application(root) as app, app.context() as first, app.context() as second:
        one, other = (app.resolve(cls, context=first) for cls in (Consumer, Other))
        assert one.service is other.service is app.resolve(AppService, context=first)
        assert app.resolve(Consumer, context=first) is one
        assert app.resolve(Consumer, context=second).service is not one.service


@pytest.mark.anchor("nest-68")
def test_a_request_provider_is_not_built_at_start_and_closed_with_its_context():
    log = []
    with Application(importing(providers=(opened(log, "request"),))) as app:
        assert log == []
        with app.context() as context:
            app.resolve("opened", context=context)
            app.resolve("opened", context=context)
            assert log == ["+"]
        assert log == ["+", "-"]
        context.close()
    assert log == ["+", "-"]


@pytest.mark.anchor("nest-68")
def test_consumers_of_a_request_provider_have_that_scope_too():
    class Root:
        def __init__(self, consumer: Consumer):
            self.consumer = consumer

    with Application(importing(providers=(REQUESTED, Consumer, Root))) as app:
        for cls in (Consumer, Root):
            with pytest.raises(ScopeError, match=f"{cls.__name__} in App has the scope 'request'; use res"):
                app.get(cls)
        assert app.resolve(Root).consumer.service is not app.resolve(Root).consumer.service


@pytest.mark.anchor("nest-68")
def test_a_transient_consumer_of_a_request_provider_is_new_in_each_request():
    providers = (REQUESTED, Provider(Consumer, use_class=Consumer, scope="transient"))
    pair = Provider("pair", use_factory=lambda *pair: pair, inject=[Consumer, Consumer])
    with Application(importing(providers=(*providers, pair))) as app:
        first, second = app.resolve("pair")
        assert first is not second
        assert first.service is second.service


@pytest.mark.anchor("nest-68")
def test_the_request_can_be_injected_in_any_module():
    class Handler:
        def __init__(self, request: Annotated[dict[str, str], Inject(REQUEST)]):
            self.request = request

    @module(providers=[Handler], exports=[Handler])
    class Web:
        pass

    with Application(importing(Web)) as app:
        with app.context({"path": "/"}) as context:
            assert app.resolve(Handler, context=context).request == {"path": "/"}
            assert app.resolve(REQUEST, context=context) == {"path": "/"}
        assert app.resolve(Handler).request is None


@pytest.mark.anchor("nest-69")
@pytest.mark.parametrize("provider", [REQUESTED, TRANSIENT])
def test_get_refuses_scoped_providers_and_resolve_returns_a_new_one_for_each_call(provider):
    with Application(importing(providers=(provider,))) as app:
        with pytest.raises(ScopeError, match=rf"has the scope '{provider.scope}'; use resolve\(AppService\)"):
            app.get(AppService)
        with pytest.raises(EtcdFactoryError):
            app.select("App").get(AppService)
        assert app.resolve(AppService) is not app.resolve(AppService)


@pytest.mark.anchor("nest-69")
@pytest.mark.parametrize("provider", [REQUESTED, TRANSIENT])
def test_resolve_returns_the_same_one_in_one_context(provider):
    with Application(importing(providers=(provider,))) as app, app.context() as context:
        assert app.resolve(AppService, context=context) is app.resolve(AppService, context=context)


@pytest.mark.anchor("nest-69")
def test_resolve_returns_the_instance_of_the_application_for_the_default_scope():
    with Application(importing(providers=(AppService,))) as app, app.context() as context:
        assert app.resolve(AppService) is app.resolve(AppService, context=context) is app.get(AppService)


def test_what_is_resolved_without_a_context_is_closed_with_the_application():
    log = []
    providers = (opened(log, "request"), REQUESTED)
    with Application(importing(providers=providers)) as app:
        app.resolve("opened")
        app.resolve("opened")
        app.resolve(AppService)
        assert log == ["+", "+"]
        assert len(app.kept) == 2  # and nothing of those that open nothing
    assert log == ["+", "+", "-", "-"]


def failing():
    def open_one():
        yield 1
        raise OSError("close")

    return Provider("failing", use_factory=open_one, scope="request")


def test_errors_of_closing_what_was_resolved_are_reported():
    with pytest.raises(StopError) as caught, Application(importing(providers=(failing(),))) as app:
        app.resolve("failing")
    assert [str(error) for error in caught.value.exceptions] == ["close"]


async def test_errors_of_closing_what_was_resolved_are_reported_in_asyncio():
    with pytest.raises(StopError) as caught:
        async with AsyncApplication(importing(providers=(failing(),))) as app:
            await app.resolve("failing")
    assert [str(error) for error in caught.value.exceptions] == ["close"]


def test_a_closed_context_is_refused():
    with Application(importing(providers=(REQUESTED,))) as app:
        with app.context() as context:
            pass
        with pytest.raises(ApplicationStateError, match="this context is closed"):
            app.resolve(AppService, context=context)


def test_a_context_of_another_application_is_refused():
    root = importing(providers=(REQUESTED,))
    with (
        Application(root) as app,
        Application(root) as other,
        other.context() as context,
        pytest.raises(ApplicationStateError, match="not of <Application App, running>; open one with its own"),
    ):
        app.resolve(AppService, context=context)


def test_the_error_of_get_names_the_request():
    with (
        Application(importing()) as app,
        pytest.raises(ScopeError, match=r"^Token\('REQUEST'\) has the scope 'request'"),
    ):
        app.get(REQUEST)


def test_a_context_needs_a_running_application():
    with pytest.raises(ApplicationStateError, match="not running"):
        Application(importing()).context()


@pytest.mark.anchor("nest-68")
async def test_request_providers_are_awaited_in_asyncio():
    async def connect():
        await asyncio.sleep(0)
        return object()

    def close():
        yield object()
        log.append("closed")

    log = []
    made = Provider("made", use_factory=connect, scope="request")
    closed = Provider("closed", use_factory=close, scope="request", inject=[])
    async with AsyncApplication(importing(providers=(made, closed, TRANSIENT))) as app:
        async with app.context() as context:
            first, second = await asyncio.gather(*(app.resolve("made", context=context) for _ in range(2)))
            assert first is second
            assert await app.resolve(AppService, context=context) is await app.resolve(AppService, context=context)
            await app.resolve("closed", context=context)
        assert log == ["closed"]
        assert await app.resolve("made") is not first
        await app.resolve("closed")
    assert log == ["closed", "closed"]


def test_threads_of_one_context_share_its_instances():
    made, found = [], []
    provider = Provider("made", use_factory=lambda: made.append(1), scope="request")
    with Application(importing(providers=(provider,))) as app, app.context() as context:
        threads = [
            threading.Thread(target=lambda: found.append(app.resolve("made", context=context))) for _ in range(4)
        ]
        with context.container.lock:  # all of them wait for it
            for thread in threads:
                thread.start()
            assert made == []
        for thread in threads:
            thread.join()
    assert (made, found) == ([1], [None] * 4)


@pytest.mark.anchor("nest-68")
def test_request_providers_work_in_the_containers_of_dishka():
    """Also through those of an application, which dishka's integrations with web frameworks use."""
    root = importing(providers=(REQUESTED, Consumer))
    container = make_container(provider_of(root))
    with container() as one, container() as two:
        assert one.get(Consumer).service is one.get(AppService) is not two.get(AppService)
    container.close()
    with Application(root) as app, app.container() as request, app.context() as context:
        assert request.get(Consumer) is request.get(Consumer)
        assert context.container.get(Consumer) is app.resolve(Consumer, context=context)


@pytest.mark.anchor("nest-67")
def test_transient_providers_work_in_the_containers_of_dishka():
    container = make_container(provider_of(importing(providers=(TRANSIENT, Consumer, Other))))
    assert container.get(AppService) is not container.get(AppService)
    assert container.get(Consumer).service is not container.get(Other).service
    container.close()
