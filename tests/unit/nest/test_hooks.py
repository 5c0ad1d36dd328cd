"""Life-cycle hooks: which are called, and in which order."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import asyncio
from typing import Annotated
from unittest.mock import MagicMock

import pytest

from etcd_factory.nest import (
    Application,
    AsyncApplication,
    AsyncFactoryError,
    DynamicModule,
    Inject,
    Provider,
    StopError,
    module,
)
from etcd_factory.nest.graph import build_graph
from etcd_factory.nest.hooks import STARTING, STOPPING, module_order
from tests.support.nest_hooks import awaiting, hooked, tree_of
from tests.support.nest_modules import importing, resource

START = [*STARTING]
STOP = [*STOPPING]


def steps(hooks, *names):
    """All names for each hook."""
    return [f"{name} {hook}" for hook in hooks for name in names]


@pytest.mark.anchor("nest-65")
def test_hooks_are_called_phase_by_phase_imports_first_at_start_and_last_at_stop():
    log = []
    with Application(tree_of(log)) as app:
        assert log == steps(START, "Low", "LowModule", "Middle", "MiddleModule", "Top", "TopModule")
        log.clear()
    assert log == steps(STOP, "Top", "TopModule", "Middle", "MiddleModule", "Low", "LowModule")
    app.stop()
    assert len(log) == 18


@pytest.mark.anchor("nest-65")
async def test_hooks_are_awaited_one_after_the_other_in_asyncio():
    log = []
    async with AsyncApplication(tree_of(log, awaiting)):
        assert log == steps(START, "Low", "LowModule", "Middle", "MiddleModule", "Top", "TopModule")
        log.clear()
    assert log == steps(STOP, "Top", "TopModule", "Middle", "MiddleModule", "Low", "LowModule")


@pytest.mark.anchor("nest-65")
async def test_plain_hooks_work_in_asyncio():
    log = []
    async with AsyncApplication(importing(providers=(hooked("A", log),))):
        assert log == steps(START, "A")


@pytest.mark.anchor("nest-65")
def test_dependencies_of_one_module_are_initialized_first_and_destroyed_last():
    log = []
    first, last = hooked("First", log), hooked("Last", log)

    class Consumer(last):
        def __init__(self, needed: first):
            self.needed = needed

    with Application(importing(providers=(Consumer, first))):
        assert log == steps(START, "First", "Last")
        log.clear()
    assert log == steps(STOP, "Last", "First")


@pytest.mark.anchor("nest-65")
def test_global_modules_are_the_first_and_then_the_farthest_from_the_root():
    @module(is_global=True)
    class Everywhere:
        pass

    @module()
    class Deep:
        pass

    @module(imports=[Deep])
    class Parent:
        pass

    @module()
    class Flat:
        pass

    order = module_order(build_graph(importing(Flat, Parent, Everywhere)).tree)
    assert order == ["Everywhere", "Deep", "Flat", "Parent", "App"]


def test_what_a_global_module_imports_precedes_it():
    @module()
    class Low:
        pass

    root = importing(DynamicModule(Low, imports=[importing()], is_global=True))
    assert module_order(build_graph(root).tree)[:2] == ["App#2", "Low"]


@pytest.mark.anchor("nest-65")
def test_the_generators_are_closed_after_all_hooks():
    log = []
    with Application(importing(providers=(hooked("A", log), resource("r", log)))):
        log.clear()
    assert log == [*steps(STOP, "A"), "-r"]


@pytest.mark.anchor("nest-65")
@pytest.mark.parametrize("signal", ["SIGTERM", None])
def test_the_last_two_hooks_receive_the_signal(signal):
    seen = []

    class Service:
        def on_module_destroy(self):
            seen.append("destroy")

        def before_application_shutdown(self, signal):
            seen.append(signal)

        def on_application_shutdown(self, *signals):
            seen.append(signals)

    Application(importing(providers=(Service,))).start().stop(signal=signal)
    assert seen == ["destroy", signal, (signal,)]


@pytest.mark.anchor("nest-65")
def test_hooks_are_called_for_values_and_factories_once_for_each_and_not_for_aliases():
    log = []
    value = hooked("value", log)()
    providers = (
        Provider("value", use_value=value),
        Provider("made", use_factory=hooked("made", log)),
        Provider("alias", use_existing="value"),
    )
    with Application(importing(providers=providers)):
        assert log == steps(START, "value", "made")


def test_hooks_are_not_looked_for_in_mocks_and_classes():
    mock = MagicMock()
    with Application(importing(providers=(Provider("m", use_value=mock), Provider("c", use_value=hooked("c", []))))):
        pass
    assert mock.mock_calls == []


@pytest.mark.anchor("nest-65")
def test_hooks_are_called_for_the_transient_instances_of_consumers_but_not_for_those_of_requests():
    log = []
    transient, single = hooked("Transient", log), hooked("Single", log)

    class Consumer:
        def __init__(self, needed: transient):
            pass

    def other(needed: Annotated[object, Inject("alias")]) -> int:
        return 1

    providers = (
        Provider(transient, use_class=transient, scope="transient"),
        Provider("alias", use_existing=transient),
        Provider(single, use_class=single, scope="request"),
        Consumer,
        other,
    )
    with Application(importing(providers=providers)) as app:
        assert log == steps(START, "Transient", "Transient")
        app.resolve(transient)
        app.resolve(single)
        log.clear()
    assert log == steps(STOP, "Transient", "Transient")


@pytest.mark.anchor("nest-65")
def test_the_application_is_usable_in_every_hook():
    seen = []

    class Service:
        def on_module_init(self):
            seen.append(app.get("v"))

        def on_application_shutdown(self):
            seen.append(app.get("v"))

    app = Application(importing(providers=(Service, Provider("v", use_value=1))))
    app.start().stop()
    assert seen == [1, 1]


def failing_at(hook, log):
    """A class with hooks of which one fails."""

    def fail(self, *_):
        raise OSError(hook)

    return type("Failing", (hooked("Failing", log),), {hook: fail})


@pytest.mark.anchor("nest-65")
def test_a_hook_that_fails_at_start_aborts_it_and_destroys_what_was_initialized():
    log = []
    done, late = hooked("Done", log), hooked("Late", log)
    root = importing(providers=(done, resource("r", log), failing_at("on_module_init", log), late))
    app = Application(root)
    with pytest.raises(OSError, match="on_module_init"):
        app.start()
    assert log[:-1] == ["+r", "Done on_module_init", *steps(STOP, "Done"), "-r"]  # then the error
    assert repr(app) == "<Application App, not running>"


@pytest.mark.anchor("nest-65")
@pytest.mark.parametrize("kind", [Application, AsyncApplication])
@pytest.mark.parametrize("hook", STOPPING)
async def test_a_hook_that_fails_at_stop_does_not_keep_others_from_it(kind, hook):
    log = []
    app = kind(importing(providers=(hooked("A", log), resource("r", log, fails=True), failing_at(hook, log))))
    await app.start() if kind is AsyncApplication else app.start()
    log.clear()
    with pytest.raises(StopError) as caught:
        await app.stop() if kind is AsyncApplication else app.stop()
    assert [str(error) for error in caught.value.exceptions] == [hook, "r"]
    assert [step for step in log if step[0] in "A-"] == [*steps(STOP, "A"), "-r"]


def test_an_interrupted_hook_is_not_repeated_by_the_next_stop():
    log = []

    class Interrupting:
        def on_module_destroy(self):
            log.append("interrupted")
            raise KeyboardInterrupt

    app = Application(importing(providers=(hooked("A", log), Interrupting))).start()
    log.clear()
    with pytest.raises(KeyboardInterrupt):
        app.stop(signal="SIGINT")
    app.stop()
    assert log == ["interrupted", *steps(STOP, "A")]


async def test_a_stop_that_is_cancelled_is_resumed_by_the_next_one():
    log, reached = [], asyncio.Event()

    class Waiting:
        async def on_module_destroy(self):
            reached.set()
            await asyncio.Event().wait()

    app = await AsyncApplication(importing(providers=(hooked("A", log), Waiting)))
    log.clear()
    stopping = asyncio.ensure_future(app.stop())
    await reached.wait()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    await app.stop()
    assert log == steps(STOP, "A")


@pytest.mark.parametrize("hook", [STARTING[1], STOPPING[2]])
def test_an_async_hook_is_refused_at_the_start_of_a_blocking_application(hook):
    log = []

    async def wait(self):
        pass

    root = importing(providers=(resource("r", log), type("Async", (), {hook: wait})))
    with pytest.raises(AsyncFactoryError, match=f"cannot await {hook} of Async in App; use AsyncApplication"):
        Application(root).start()
    assert log[:2] == ["+r", "-r"]


def test_a_coroutine_of_a_plain_hook_is_refused_too():
    async def wait():
        pass

    class Service:
        def on_module_init(self):
            return wait()

    with pytest.raises(AsyncFactoryError, match="cannot await on_module_init of Service in App"):
        Application(importing(providers=(Service,))).start()


def test_an_application_can_be_started_again():
    log = []
    app = Application(importing(providers=(hooked("A", log),)))
    for _ in range(2):
        log.clear()
        with app:
            pass
        assert log == [*steps(START, "A"), *steps(STOP, "A")]
