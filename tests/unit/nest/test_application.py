"""Start, stop, overrides and looking things up (behaviours 62 to 64)."""

# Annotations name classes that are made inside the tests, so they are evaluated at once: no __future__ import here.

import asyncio
import gc
import pickle
from typing import Annotated

import pytest

from etcd_factory.nest import (
    Application,
    ApplicationStateError,
    AsyncApplication,
    DynamicModule,
    Inject,
    Provider,
    ProviderNotFoundError,
    StopError,
    UnresolvedError,
    module,
)


class Service:
    pass


def resource(name, log, *, fails=False):
    """A provider that tells when it is begun and ended."""

    def make():
        log.append(f"+{name}")
        error = yield name
        log.append(f"-{name}")
        if error is not None:
            log.append(repr(error))
        if fails:
            raise OSError(name)

    return Provider(name, use_factory=make)


def async_resource(name, log, *, fails=False):
    async def make():
        await asyncio.sleep(0)
        for step in resource(name, log, fails=fails).use_factory():
            yield step

    return Provider(name, use_factory=make)


def layers(log, kind=resource, **kwargs):
    """A root that imports a module that imports another, each with one resource."""

    @module(providers=[kind("low", log, **kwargs)])
    class Low:
        pass

    @module(imports=[Low], providers=[kind("middle", log)])
    class Middle:
        pass

    @module(imports=[Middle], providers=[kind("top", log, **kwargs)])
    class Top:
        pass

    return Top


def test_b62_imported_modules_start_first_and_stop_last():
    log = []
    with Application(layers(log)):
        assert log == ["+low", "+middle", "+top"]
    assert log[3:] == ["-top", "-middle", "-low"]


@pytest.mark.parametrize("kind", [resource, async_resource])
async def test_b62_the_same_in_asyncio(kind):
    log = []
    async with AsyncApplication(layers(log, kind)):
        assert log == ["+low", "+middle", "+top"]
    assert log[3:] == ["-top", "-middle", "-low"]


def replaced(*overrides):
    @module(providers=[Service], exports=[Service])
    class Low:
        pass

    @module(imports=[Low], providers=[Service, Provider("alias", use_existing=Service)])
    class App:
        pass

    return Application(App, overrides=overrides)


def test_b63_an_override_replaces_the_provider_in_every_module():
    fake = object()
    with replaced(Provider(Service, use_value=fake)) as app:
        assert app.get(Service) is app.get("alias") is app.select("Low").get(Service) is fake


def test_b63_an_override_is_resolved_where_it_stands():
    with replaced(Provider(Service, use_factory=lambda: object())) as app:
        assert app.get(Service) is not app.select("Low").get(Service)
    with pytest.raises(UnresolvedError, match="Service in App"):
        replaced(Provider(Service, use_factory=lambda x: x, inject=["nowhere"]))


def test_b63_an_override_of_nothing_is_an_error():
    with pytest.raises(ProviderNotFoundError, match=r"no module provides 'alas': nothing to override.*'alias'"):
        replaced(Provider("alas", use_value=1))


@module(providers=[Provider("deep", use_value="deep"), Provider("twice", use_value="low")])
class Deep:
    pass


@module(imports=[Deep], providers=[Provider("twice", use_value="middle")], exports=["twice"])
class Middle:
    pass


@module(imports=[Middle], providers=[Provider("own", use_value="own")])
class Root:
    pass


def test_b64_get_finds_it_anywhere_and_strict_only_in_the_root_itself():
    with Application(Root) as app:
        assert (app.get("own"), app.get("deep"), app.get("twice")) == ("own", "deep", "middle")
        assert app.get("own", strict=True) == "own"
        with pytest.raises(KeyError, match="Root does not provide 'twice', it sees that of Middle"):
            app.get("twice", strict=True)


def test_b64_a_selected_module_gives_what_it_sees():
    with Application(Root) as app:
        assert app.select(Deep).get("twice") == "low"
        assert app.select("Middle").get("twice") == "middle"
        assert app.select(Middle).get("twice", strict=True) == "middle"
        with pytest.raises(KeyError, match="Middle does not see 'deep'; Deep provides it: add it to the exports"):
            app.select(Middle).get("deep")


def test_b64_what_can_not_be_told_apart_is_an_error():
    @module(imports=[DynamicModule(Deep, name="one"), DynamicModule(Deep, name="two")])
    class App:
        pass

    with Application(App) as app:
        with pytest.raises(KeyError, match=r"several modules provide 'deep'; .* one of: one, two"):
            app.get("deep")
        with pytest.raises(KeyError, match="Deep has several configurations; select one by name: one, two"):
            app.select(Deep)
        with pytest.raises(KeyError, match="no module provides 'depe'; did you mean"):
            app.get("depe")
        with pytest.raises(KeyError, match="the application has no module Root"):
            app.select(Root)
        with pytest.raises(KeyError, match="the application has no module tow; did you mean 'two'"):
            app.select("tow")


def test_nothing_can_be_asked_for_before_and_after():
    app = Application(Root)
    for _ in range(2):
        with pytest.raises(ApplicationStateError, match="not running"):
            app.get("own")
        with pytest.raises(ApplicationStateError, match="not running"):
            _ = app.container
        assert repr(app) == "<Application Root, not running>"
        with app:
            assert repr(app) == "<Application Root, running>"
            assert app.get("own") == "own"


def test_starting_and_stopping_twice_is_once():
    log = []
    app = Application(layers(log)).start().start()
    app.stop()
    app.stop()
    assert len(log) == 6


async def test_starting_and_stopping_twice_is_once_in_asyncio():
    log = []
    app = await AsyncApplication(layers(log)).start()
    assert await app.start() is app
    await app.stop()
    await app.stop()
    assert len(log) == 6


def test_all_is_stopped_and_all_that_fails_is_told():
    log = []
    with pytest.raises(StopError, match="stopping failed") as caught, Application(layers(log, fails=True)) as app:
        pass
    assert log[3:] == ["-top", "-middle", "-low"]
    assert [str(error) for error in caught.value.exceptions] == ["top", "low"]
    app.stop()


async def test_all_is_stopped_and_all_that_fails_is_told_in_asyncio():
    log = []
    with pytest.raises(StopError) as caught:
        async with AsyncApplication(layers(log, async_resource, fails=True)):
            pass
    assert [str(error) for error in caught.value.exceptions] == ["top", "low"]


def test_a_group_of_stop_errors_splits_and_pickles():
    error = StopError([OSError("a"), KeyError("b")])
    caught, rest = error.split(OSError)
    assert isinstance(caught, StopError)
    assert [type(one) for one in rest.exceptions] == [KeyError]
    assert [str(one) for one in pickle.loads(pickle.dumps(error)).exceptions] == ["a", "'b'"]


def broken(log, **kwargs):
    def fail(_):
        raise OSError("no start")

    @module(
        imports=[layers(log, **kwargs)], providers=[Provider("broken", use_factory=fail, inject=[Service]), Service]
    )
    class Broken:
        pass

    return Broken


def test_a_failed_start_ends_what_was_begun():
    log = []
    app = Application(broken(log))
    with pytest.raises(OSError, match="no start"):
        app.start()
    assert [one for one in log if one in ("-top", "-middle", "-low")] == ["-top", "-middle", "-low"]
    with pytest.raises(ApplicationStateError):
        app.get(Service)


async def test_the_error_of_the_start_wins_over_those_of_the_end(caplog):
    with pytest.raises(OSError, match="no start"):
        await AsyncApplication(broken([], fails=True)).start()
    assert "could not all be stopped" in caplog.text


@pytest.mark.parametrize("kind", [resource, async_resource])
async def test_a_generator_learns_the_error_that_ends_the_application(kind):
    log = []

    @module(providers=[kind("r", log)])
    class App:
        pass

    with pytest.raises(ValueError, match="body"):
        async with AsyncApplication(App):
            raise ValueError("body")
    assert log[:2] == ["+r", "-r"]


def test_a_plain_generator_learns_it_as_the_value_of_yield():
    log = []
    with pytest.raises(ValueError, match="body"), Application(layers(log)):
        raise ValueError("body")
    assert log[4] == "ValueError('body')"


def test_an_end_that_is_cut_short_goes_on_at_the_next_stop():
    log = []

    def interrupted():
        yield 1
        raise KeyboardInterrupt

    @module(imports=[layers(log)], providers=[Provider("x", use_factory=interrupted)])
    class App:
        pass

    app = Application(App).start()
    with pytest.raises(KeyboardInterrupt):
        app.stop()
    assert len(log) == 3
    app.stop()
    assert log[3:] == ["-top", "-middle", "-low"]


def started_and_forgotten():
    Application(Root).start()
    gc.collect()


def test_one_that_is_never_stopped_is_told():
    with pytest.warns(ResourceWarning, match="<Application Root, running> was never stopped"):
        started_and_forgotten()


def test_one_that_could_not_be_made_ends_quietly():
    with pytest.raises(ProviderNotFoundError):
        Application(Root, overrides=[Provider("nothing", use_value=1)])
    gc.collect()


async def test_plain_factories_work_in_asyncio_too():
    class Consumer:
        def __init__(self, own: Annotated[str, Inject("own")]):
            self.own = own

    @module(imports=[Root], providers=[Consumer, Provider("own", use_value="mine")])
    class App:
        pass

    async with AsyncApplication(App) as app:
        assert app.get(Consumer).own == "mine"
        assert await app.container.get(Consumer) is app.get(Consumer)
