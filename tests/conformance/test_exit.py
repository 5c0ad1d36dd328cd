"""What a program that ends without closing its clients prints: nothing, or warnings that name the line of each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import etcd_factory

ROOT = Path(etcd_factory.__file__).parent.parent
BOUND = 60  # seconds that no script takes

BLOCKING = """
import os
from etcd_factory import ETCDServiceFactory
factory = ETCDServiceFactory({"client": {"hosts": os.environ["HOST"]}})
etcd = factory.get()
etcd.put("exit").value("v")
"""
ASYNCIO = """
import asyncio, os
from etcd_factory import AsyncETCDServiceFactory
factory = AsyncETCDServiceFactory({"client": {"hosts": os.environ["HOST"]}})
etcd = factory.get()
async def use():
    await etcd.put("exit").value("v")
    WORK
loop = asyncio.new_event_loop()
loop.run_until_complete(use())
"""
WATCHES = 'held.append(await etcd.watch().create()); held.append(await etcd.mirror("exit"))'
APPLICATION = """
import asyncio, os
from etcd_factory.nest import AsyncApplication, AsyncEtcdModule, module
@module(imports=[AsyncEtcdModule.for_root({"hosts": os.environ["HOST"]})])
class App: pass
app = AsyncApplication(App)
loop = asyncio.new_event_loop()
loop.run_until_complete(app.start())
"""
LEFT = {
    "blocking": BLOCKING,
    "blocking with work": BLOCKING + 'held = [etcd.watch().create(), etcd.mirror("exit")]',
    "asyncio": ASYNCIO.replace("WORK", ""),
    "asyncio with work": "held = []" + ASYNCIO.replace("WORK", WATCHES),
    "asyncio in asyncio.run": ASYNCIO.replace("WORK", "").replace(
        "loop = asyncio.new_event_loop()\nloop.run_until_complete(use())", "asyncio.run(use())"
    ),
    "asyncio in a module": ASYNCIO.replace("WORK", "") + "import builtins; builtins.kept = factory",
    "application": APPLICATION,
    "exit in a coroutine": "import sys" + ASYNCIO.replace("WORK", "sys.exit(0)"),
}


def run(script, endpoint, *options):
    """Run a script by itself; returns what it printed as errors."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOST": endpoint}
    args = [sys.executable, *options, "-c", script]
    return subprocess.run(args, env=env, capture_output=True, text=True, timeout=BOUND, check=True).stderr


@pytest.mark.parametrize("name", LEFT)
def test_a_factory_left_open_at_exit_prints_nothing(etcd_server, name):
    assert run(LEFT[name], etcd_server.endpoint) == ""


@pytest.mark.parametrize("name", LEFT)
def test_with_all_warnings_no_finalizer_fails(etcd_server, name):
    printed = run(LEFT[name], etcd_server.endpoint, "-W", "always")
    assert "Exception ignored" not in printed
    assert "Traceback" not in printed


DROPPED = """
import asyncio, gc, os
from etcd_factory import AsyncETCDServiceFactory, ETCDServiceFactory
CONFIG = {"client": {"hosts": os.environ["HOST"]}}
def blocking():
    factory = ETCDServiceFactory(CONFIG)                             # line 6
    factory.get().get("k").string()
def at_run_time():
    factory = ETCDServiceFactory()
    factory.create_instance(CONFIG["client"], "x").get("k").string() # line 10
def with_work():
    factory = ETCDServiceFactory(CONFIG)                             # line 12
    factory.get().watch().create()
async def awaited():
    factory = AsyncETCDServiceFactory(CONFIG)                        # line 15
    await factory.get().get("k").string()
async def awaited_with_work():
    factory = AsyncETCDServiceFactory(CONFIG)                        # line 18
    await factory.get().watch().create()
async def main():
    await awaited(); gc.collect()
    await awaited_with_work(); gc.collect()
    while others := asyncio.all_tasks() - {asyncio.current_task()}: await asyncio.wait(others)
for function in (blocking, at_run_time, with_work): function(); gc.collect()
asyncio.run(main())
"""


def test_clients_that_are_dropped_are_warned_of_at_the_line_that_made_them(etcd_server):
    lines = run(DROPPED, etcd_server.endpoint, "-W", "always::ResourceWarning").splitlines()
    places = [line.partition(": ")[0] for line in lines if "was never closed" in line]
    assert places == [f"<string>:{number}" for number in (6, 10, 12, 15, 18)]
    assert len(lines) == len(places)


STOPPED = APPLICATION.replace("app = AsyncApplication(App)", "app = AsyncApplication(App)  # line 6") + "del app"


def test_so_is_an_application_that_was_not_stopped(etcd_server):
    printed = run(STOPPED, etcd_server.endpoint, "-W", "always::ResourceWarning")
    assert "<string>:6: ResourceWarning: <AsyncApplication App, running> was never stopped; call stop()" in printed
