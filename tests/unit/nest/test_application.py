"""Applications: start, stop, and requests for instances."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import gc
from typing import Annotated

import pytest

from etcd_factory.nest import (
    Application,
    ApplicationStateError,
    AsyncApplication,
    DeclarationError,
    Inject,
    Provider,
    ProviderNotFoundError,
    StopError,
    module,
)
from tests.support.nest_modules import AppService, async_resource, importing, layered, resource


@pytest.mark.anchor("nest-62")
def test_imported_modules_start_first_and_stop_last():
    log = []
    with Application(layered(log)):
        assert log == ["+low", "+middle", "+top"]
    assert log[3:] == ["-top", "-middle", "-low"]


@pytest.mark.anchor("nest-62")
@pytest.mark.parametrize("kind", [resource, async_resource])
async def test_imported_modules_start_first_and_stop_last_in_asyncio(kind):
    log = []
    async with AsyncApplication(layered(log, kind)):
        assert log == ["+low", "+middle", "+top"]
    assert log[3:] == ["-top", "-middle", "-low"]


@module(providers=[Provider("deep", use_value="deep"), Provider("twice", use_value="low")])
class Deep:
    pass


@module(imports=[Deep], providers=[Provider("twice", use_value="middle")], exports=["twice"])
class Middle:
    pass


@module(imports=[Middle], providers=[Provider("own", use_value="own")])
class Root:
    pass


@pytest.mark.anchor("nest-64")
def test_get_finds_a_token_anywhere_and_strict_only_in_the_root():
    with Application(Root) as app:
        assert (app.get("own"), app.get("deep"), app.get("twice")) == ("own", "deep", "middle")
        assert app.get("own", strict=True) == "own"
        with pytest.raises(KeyError, match="Root does not provide 'twice' itself; it sees the one of Middle"):
            app.get("twice", strict=True)


@pytest.mark.anchor("nest-64")
def test_a_selected_module_returns_what_it_sees():
    with Application(Root) as app:
        assert app.select(Deep).get("twice") == "low"
        assert app.select("Middle").get("twice") == "middle"
        assert app.select(Middle).get("twice", strict=True) == "middle"
        with pytest.raises(KeyError, match="'deep' is not visible in Middle; Deep provides it: add it to the exports"):
            app.select(Middle).get("deep")


def test_a_value_that_cannot_be_a_token_is_refused():
    with Application(Root) as app, pytest.raises(DeclarationError, match=r"invalid token \[\]"):
        app.get([])


def test_an_application_that_is_not_running_refuses_requests():
    app = Application(Root)
    for _ in range(2):
        with pytest.raises(ApplicationStateError, match=r"application Root is not running; call start\(\)"):
            app.get("own")
        with pytest.raises(ApplicationStateError, match="not running"):
            _ = app.container
        assert repr(app) == "<Application Root, not running>"
        with app:
            assert repr(app) == "<Application Root, running>"
            assert app.get("own") == "own"


def test_a_second_start_or_stop_has_no_effect():
    log = []
    app = Application(layered(log)).start().start()
    app.stop()
    app.stop()
    assert len(log) == 6


async def test_a_second_start_or_stop_has_no_effect_in_asyncio():
    log = []
    app = await AsyncApplication(layered(log)).start()
    assert await app.start() is app
    await app.stop()
    await app.stop()
    assert len(log) == 6


def test_all_providers_are_stopped_and_all_failures_reported():
    log = []
    with pytest.raises(StopError, match="stopping failed") as caught, Application(layered(log, fails=True)) as app:
        pass
    assert log[3:] == ["-top", "-middle", "-low"]
    assert [str(error) for error in caught.value.exceptions] == ["top", "low"]
    app.stop()


async def test_all_providers_are_stopped_and_all_failures_reported_in_asyncio():
    with pytest.raises(StopError) as caught:
        async with AsyncApplication(layered([], async_resource, fails=True)):
            pass
    assert [str(error) for error in caught.value.exceptions] == ["top", "low"]


def broken(log, *, fails=False):
    """A root whose start fails after its imports have started."""

    def fail(_):
        raise OSError("no start")

    providers = (Provider("broken", use_factory=fail, inject=[AppService]), AppService)
    return importing(layered(log, fails=fails), providers=providers)


def test_a_failed_start_stops_what_was_started():
    log = []
    app = Application(broken(log))
    with pytest.raises(OSError, match="no start"):
        app.start()
    assert [one for one in log if one in ("-top", "-middle", "-low")] == ["-top", "-middle", "-low"]
    with pytest.raises(ApplicationStateError):
        app.get(AppService)


async def test_the_error_of_a_failed_start_takes_precedence_over_those_of_stopping(caplog):
    with pytest.raises(OSError, match="no start"):
        await AsyncApplication(broken([], fails=True)).start()
    assert "some providers built before could not be stopped" in caplog.text


def test_a_generator_receives_the_error_that_stops_the_application():
    log = []
    with pytest.raises(ValueError, match="body"), Application(layered(log)):
        raise ValueError("body")
    assert log[4] == "ValueError('body')"


@pytest.mark.parametrize("kind", [resource, async_resource])
async def test_a_generator_receives_the_error_that_stops_the_application_in_asyncio(kind):
    log = []
    with pytest.raises(ValueError, match="body"):
        async with AsyncApplication(importing(providers=(kind("r", log),))):
            raise ValueError("body")
    assert log == ["+r", "-r", "ValueError('body')"]


def test_an_interrupted_stop_is_resumed_by_the_next_one():
    log = []

    def interrupted():
        yield 1
        raise KeyboardInterrupt

    app = Application(importing(layered(log), providers=(Provider("x", use_factory=interrupted),))).start()
    with pytest.raises(KeyboardInterrupt):
        app.stop()
    assert len(log) == 3
    app.stop()
    assert log[3:] == ["-top", "-middle", "-low"]


def start_and_forget():
    Application(Root).start()
    gc.collect()


def test_an_application_that_is_never_stopped_warns():
    with pytest.warns(ResourceWarning, match="<Application Root, running> was never stopped"):
        start_and_forget()


def test_an_application_that_could_not_be_created_does_not_warn():
    with pytest.raises(ProviderNotFoundError):
        Application(Root, overrides=[Provider("nothing", use_value=1)])
    gc.collect()


async def test_synchronous_factories_work_in_asyncio():
    class Consumer:
        def __init__(self, own: Annotated[str, Inject("own")]):
            self.own = own

    root = importing(Root, providers=(Consumer, Provider("own", use_value="mine")))
    async with AsyncApplication(root) as app:
        assert app.get(Consumer).own == "mine"
        assert await app.container.get(Consumer) is app.get(Consumer)
