"""Signals that stop an application: in programs of their own, and how handlers are set and restored."""

# Annotations name classes defined inside the tests, so they must be evaluated eagerly: no __future__ import here.

import asyncio
import re
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from etcd_factory.nest import Application, ApplicationStateError, AsyncApplication, DeclarationError
from etcd_factory.nest.shutdown_signals import DEFAULT, CancellingSignals, RaisedSignals, as_signal
from tests.support.nest_modules import importing

HEAD = """
    import asyncio, os, signal
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup
    from etcd_factory.nest import Application, AsyncApplication, module

    class Service:
        def on_module_destroy(self): print("destroy")
        def before_application_shutdown(self, signal): print("before", signal)
        def on_application_shutdown(self, signal): print("on", signal)

    @module(providers=[Service])
    class App: pass

    def send(name):
        os.kill(os.getpid(), getattr(signal, name))
"""

BLOCKING = """
    try:
        with Application(App).enable_shutdown_hooks() as app:
            send({name!r})
            signal.pause()
    finally:
        print("outside")
"""

ASYNCIO = """
    async def main():
        try:
            async with AsyncApplication(App).enable_shutdown_hooks() as app:
                asyncio.get_running_loop().call_soon(send, {name!r})
                await asyncio.Event().wait()
        finally:
            print("outside")

    asyncio.run(main())
"""


def run(body, **values):
    """Run a program; its exit code and what it printed."""
    program = textwrap.dedent(HEAD) + textwrap.dedent(body).format(**values)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Error" not in done.stderr, done.stderr
    return done.returncode, done.stdout.split("\n")[:-1]


@pytest.mark.anchor("nest-66")
@pytest.mark.parametrize("body", [BLOCKING, ASYNCIO])
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", -2)])
def test_a_signal_stops_the_application_and_its_name_reaches_the_hooks(body, name, code):
    assert run(body, name=name) == (code, ["destroy", f"before {name}", f"on {name}", "outside"])


SECOND = """
    class Again:
        def on_module_destroy(self):
            send("SIGTERM")
            print("still here")

    @module(imports=[App], providers=[Again])
    class Root: pass

    with Application(Root).enable_shutdown_hooks():
        send("SIGTERM")
        signal.pause()
"""


@pytest.mark.anchor("nest-66")
def test_a_second_signal_does_not_interrupt_the_hooks():
    assert run(SECOND) == (143, ["still here", "destroy", "before SIGTERM", "on SIGTERM"])


LATE = """
    class Again:
        def on_module_destroy(self):
            send("SIGTERM")
            print("still here")

    @module(imports=[App], providers=[Again])
    class Root: pass

    signal.signal(signal.SIGTERM, lambda *_: print("handled outside"))
    with Application(Root).enable_shutdown_hooks():
        pass
    print("goes on")
"""


def test_a_signal_that_comes_while_stopping_is_passed_on_afterwards():
    output = ["still here", "destroy", "before None", "on None", "handled outside", "goes on"]
    assert run(LATE) == (0, output)


STARTING = """
    class Early:
        {kind}def on_module_init(self):
            send("SIGTERM")
            {wait}

    @module(imports=[App], providers=[Early])
    class Root: pass
"""
START = "with Application(Root).enable_shutdown_hooks(): print('never')\n"
START_ASYNC = """
async def main():
    async with AsyncApplication(Root).enable_shutdown_hooks(): print('never')
asyncio.run(main())
"""


@pytest.mark.anchor("nest-66")
@pytest.mark.parametrize(
    ("kind", "wait", "start"), [("", "signal.pause()", START), ("async ", "await asyncio.Event().wait()", START_ASYNC)]
)
def test_a_signal_during_the_start_stops_what_was_started(kind, wait, start):
    body = textwrap.dedent(STARTING) + start
    assert run(body, kind=kind, wait=wait) == (143, ["destroy", "before SIGTERM", "on SIGTERM"])


FORKING = """
    def fork():
        child = os.fork()
        if not child:
            send("SIGTERM")
            os._exit(0)
        print("child ended by", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
FORK = "with Application(App).enable_shutdown_hooks(): fork()"
FORK_ASYNC = """
async def main():
    async with AsyncApplication(App).enable_shutdown_hooks():
        fork()
        for _ in range(9): await asyncio.sleep(0)
asyncio.run(main())
"""


@pytest.mark.parametrize("body", [FORK, FORK_ASYNC])
def test_a_signal_to_a_forked_child_ends_only_the_child(body):
    output = ["child ended by -15", "destroy", "before None", "on None"]
    assert run(textwrap.dedent(FORKING) + body) == (0, output)


@pytest.fixture
def handler():
    """A handler of SIGTERM that is in place before the test, and must be after it."""

    def handle(*_):
        pass

    before = signal.signal(signal.SIGTERM, handle)
    yield handle
    assert signal.signal(signal.SIGTERM, before) is handle


def test_the_handlers_of_before_are_restored_when_the_application_stops(handler):
    app = Application(importing()).enable_shutdown_hooks(["SIGTERM"])
    assert signal.getsignal(signal.SIGTERM) is handler
    with app:
        assert signal.getsignal(signal.SIGTERM) is not handler
    assert signal.getsignal(signal.SIGTERM) is handler


async def test_the_handlers_of_before_are_restored_in_asyncio(handler):
    loop = asyncio.get_running_loop()
    async with AsyncApplication(importing()) as app:
        assert app.enable_shutdown_hooks([signal.SIGTERM]) is app
        assert signal.getsignal(signal.SIGTERM) is not handler
    assert signal.getsignal(signal.SIGTERM) is handler
    assert not loop.remove_signal_handler(signal.SIGTERM)


def test_the_handlers_of_before_are_restored_if_the_start_fails(handler):
    app = Application(importing(providers=(type("Failing", (), {"on_module_init": lambda self: 1 / 0}),)))
    with pytest.raises(ZeroDivisionError):
        app.enable_shutdown_hooks(["SIGTERM"]).start()


def test_they_have_to_be_enabled_again_for_another_start(handler):
    app = Application(importing()).enable_shutdown_hooks(["SIGTERM"])
    with app:
        pass
    with app:
        assert signal.getsignal(signal.SIGTERM) is handler


def test_without_enabling_them_nothing_is_handled(handler):
    with Application(importing()):
        assert signal.getsignal(signal.SIGTERM) is handler


async def test_a_cancellation_that_no_signal_caused_stays_one():
    async def enter():
        async with AsyncApplication(importing()).enable_shutdown_hooks():
            entered.set()
            await asyncio.Event().wait()

    entered = asyncio.Event()
    task = asyncio.ensure_future(enter())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_where_the_loop_has_no_handlers_those_of_the_process_call_it(handler, monkeypatch):
    """As on Windows."""

    def refuse(*_):
        raise NotImplementedError

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "add_signal_handler", refuse)
    monkeypatch.setattr(loop, "remove_signal_handler", refuse)
    signals = CancellingSignals()
    signals.enable(["SIGTERM"])
    signals.install()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    assert signals.received == "SIGTERM"
    signals.restore()
    with pytest.raises(SystemExit) as caught:
        signals.end(asyncio.CancelledError())
    assert caught.value.code == 143


def enable_elsewhere(app):
    """The error of enabling them in another thread."""
    errors = []

    def enable():
        try:
            app.enable_shutdown_hooks()
        except ApplicationStateError as error:
            errors.append(str(error))

    thread = threading.Thread(target=enable)
    thread.start()
    thread.join()
    return errors


def test_they_are_refused_in_other_threads():
    with Application(importing()) as app:
        (error,) = enable_elsewhere(app)
    assert re.match("cannot handle SIG(HUP|INT): ", error)  # under nohup not the first one
    assert "in the main thread only" in error


async def test_they_are_refused_outside_of_the_loop():
    async with AsyncApplication(importing()) as app:
        (error,) = enable_elsewhere(app)
    assert "in its event loop" in error


SWALLOWED = """
    with Application(App).enable_shutdown_hooks():
        try:
            send("SIGINT")
            signal.pause()
        except KeyboardInterrupt:
            print("swallowed")
        send("SIGTERM")
        signal.pause()
"""


def test_a_signal_whose_exception_is_swallowed_is_followed_by_the_next_one():
    assert run(SWALLOWED) == (143, ["swallowed", "destroy", "before SIGTERM", "on SIGTERM"])


ELSEWHERE = """
    async def main():
        app = await asyncio.create_task(AsyncApplication(App).enable_shutdown_hooks().start())
        send("SIGTERM")
        await asyncio.Event().wait()

    asyncio.run(main())
"""


def test_a_signal_ends_the_process_if_the_task_that_started_the_application_is_done():
    assert run(ELSEWHERE) == (-15, [])


def test_signals_that_the_process_ignores_are_handled_only_if_they_are_named(handler):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with Application(importing()).enable_shutdown_hooks():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    with Application(importing()).enable_shutdown_hooks(["SIGTERM"]):
        assert callable(signal.getsignal(signal.SIGTERM))
    assert signal.signal(signal.SIGTERM, handler) is signal.SIG_IGN


@pytest.mark.parametrize("kind", [Application, AsyncApplication])
async def test_signals_that_no_process_can_handle_are_refused_and_others_restored(handler, kind):
    app = kind(importing()).enable_shutdown_hooks(["SIGTERM", "SIGKILL"])
    with pytest.raises(ApplicationStateError, match="cannot handle SIGKILL"):
        await app.start() if kind is AsyncApplication else app.start()
    assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.parametrize("signals", [RaisedSignals(), CancellingSignals()])
def test_unknown_signals_are_refused(signals):
    with pytest.raises(DeclarationError, match="unknown signal 'SIGTRM'; did you mean 'SIGTERM'"):
        signals.enable(["SIGTRM"])


def test_signals_are_named_or_given():
    assert as_signal("SIGINT") is as_signal(signal.SIGINT) is signal.SIGINT
    assert {"SIGINT", "SIGTERM"} <= {*DEFAULT}
