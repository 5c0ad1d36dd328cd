"""Every example runs, exits and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


# The responses of the /put, /get and /del paths, and of nest_modules, are those of the pages that they come from.
LINES = {
    "aiohttp_app": [
        "GET /users/ann                       404 no user 'ann'",
        'PUT /users/ann?mail=ann@example.org  200 "ann@example.org"',
        'GET /users/ann                       200 "ann@example.org"',
        'GET /ready                           200 {"ready": true, "clients": {"use',
    ],
    "django_app": [
        "System check identified no issues (0 silenced).",
        "GET /visits/rome  404 Not Found",
        "PUT /visits/rome  200 visit 1 of rome",
        "PUT /visits/rome  200 visit 2 of rome",
        "GET /visits/rome  200 2",
        'GET /ready  200 {"ready": true, "clients": {"vis',
    ],
    "fastapi_app": [
        """GET /users/ann                       404 {"detail":"no user 'ann'"}""",
        'PUT /users/ann?mail=ann@example.org  200 "ann@example.org"',
        'GET /users/ann                       200 "ann@example.org"',
        'GET /ready                           200 {"ready":true,"clients":{"users"',
    ],
    "flask_app": [
        "GET /visits/rome  404 <p>no visits of rome</p>",
        "PUT /visits/rome  200 visit 1 of rome",
        "PUT /visits/rome  200 visit 2 of rome",
        "GET /visits/rome  200 2",
        'GET /ready  200 {"clients":{"visits":{"error":nu',
    ],
    "litestar_app": [
        """GET /users/ann                       404 {"status_code":404,"detail":"no """,
        "PUT /users/ann?mail=ann@example.org  200 ann@example.org",
        "GET /users/ann                       200 ann@example.org",
        'GET /ready                           200 {"ready":true,"clients":{"users"',
    ],
    "log_level": [
        "at the start INFO",
        "  INFO    a step",
        "  WARNING a surprise",
        "INFO -> DEBUG",
        "  DEBUG   a detail",
        "  INFO    a step",
        "  WARNING a surprise",
        "DEBUG -> WARNING",
        "  WARNING a surprise",
        "WARNING -> INFO",
        "  INFO    a step",
        "  WARNING a surprise",
    ],
    "log_levels": [
        "the level of 'shop.orders' is now DEBUG",
        "  DEBUG   a detail",
        "  INFO    a step",
        "the level of 'shop.orders' is now WARNING",
        "the level of 'shop.orders' is what it was before",
        "  INFO    a step",
    ],
    "nest_config": [
        "by hand            hi None ConfigOptions",
        "built              hi None ConfigOptions",
        "built, async       hi None ConfigOptions",
        "built with extras  hi None ConfigOptions",
        "typed              hi None ConfigOptions",
    ],
    "nest_etcd_client": [
        '  /put?value=111       "done"',
        '  /get                 "111"',
        '  /del                 "done"',
        "  /get                 null",
    ],
    "nest_etcd_module": [
        "a static module",
        "  /aaa/get             null",
        '  /aaa/save?value=1    "done"',
        '  /aaa/get             "1"',
        "for_root",
        '  /aaa/get             "1"',
        '  /aaa/save?value=2    "done"',
        '  /aaa/get             "2"',
        "for_root_async, with options from a .env file",
        '  /aaa/get             "2"',
        '  /aaa/save?value=3    "done"',
        '  /aaa/get             "3"',
    ],
    "nest_life": [
        "start: the pool is connected, with 3 connections",
        "GET /users  pool of 3, request 1",
        "GET /cats   pool of 3, request 2",
        "stop: SIGTERM, the pool is closed",
        "the process would end with 143",
        "in a test: pool of 1, request 1",
    ],
    "nest_modules": [
        "AppService in the providers of both modules: two instances",
        "  /set?str=Hi~             done",
        "  /get                     Hi~",
        "  /user/get",
        "  /user/set?str=HiUser~    done",
        "  /user/get                HiUser~",
        "  /get                     Hi~",
        "  one and the same service: False",
        "",
        "AppService exported by the one and imported by the other: one instance",
        "  /set?str=Hi~             done",
        "  /get                     Hi~",
        "  /user/get                Hi~",
        "  /user/set?str=HiUser~    done",
        "  /user/get                HiUser~",
        "  /get                     HiUser~",
        "  one and the same service: True",
    ],
    "nest_providers": [
        "use_class    app: app       user: user      one instance: False",
        "use_value    app: app       user: user      one instance: False",
        "use_factory  app: app       user: user      one instance: False",
        "use_existing app: abstract  user: abstract  one instance: True",
    ],
    "registry_balancing": [
        "100 answers, few of them by the slow one: True",
        "  log: user/b failed 3 times in a row, and is not used for 30 s",
        "100 answers, although one refuses; left out: ['b']",
        "  log: the health check of user/slow failed 3 times, it is down: Unhealthy('it returned False')",
        "one is unhealthy: ['a', 'b']",
        "healthy again: ['a', 'b', 'slow']",
        "drained: ['a', 'b']",
    ],
    "observability": [
        "hook    Put     OK",
        "hook    Range   OK",
        "span    etcdserverpb.KV/Put",
        "span    etcdserverpb.KV/Range, in that of the order",
        "span    order",
        "metric  1.0 put",
    ],
    "registry_formats": [
        'what kratos reads: {"id":"a1","name":"user","version":"v2","metadata":{"zone":"a"},'
        '"endpoints":["grpc://10.0.0.1:9000?isSecure=false"]}',
        "7587864068988009477  10.0.0.3:9000 {}",
        "a1                   10.0.0.1:9000 {'zone': 'a', 'version': 'v2'}",
        "b1                   10.0.0.2:9000 {'zone': 'b', 'version': 'v2'}",
        "while it is paused: ['7587864068988009477', 'b1']",
    ],
    "reload": [
        "at the start  orders: 5 s, users: 5 s",
        "Reloaded(added=('stock',), changed=('orders',), removed=('users',))",
        "then          orders: 2 s, stock: 3 s",
        "held          5 s, and reads 1",
        "refused       etcd.clients.orders.timeout: expected a number of seconds above 0, got -1",
        "and still     orders: 2 s, stock: 3 s",
    ],
    "settings_source": [
        "defaults    level='info' db=Database(host='localhost', port=5432)",
        "etcd        level='debug' db=Database(host='localhost', port=5433)",
        "environment level='debug' db=Database(host='localhost', port=5434)",
        "arguments   level='error' db=Database(host='localhost', port=5434)",
    ],
    "starlette_app": [
        "GET /users/ann                       404 no user 'ann'",
        'PUT /users/ann?mail=ann@example.org  200 "ann@example.org"',
        'GET /users/ann                       200 "ann@example.org"',
        'GET /ready                           200 {"ready":true,"clients":{"users"',
    ],
    "workers": [
        "exit codes [0, 0, 0, 0]",
        "sum        1190",
    ],
    "registry_pair": [
        "user has found order at 127.0.0.1:8002",
        "order has found user at 127.0.0.1:8001",
        "both are registered: ['127.0.0.1:8001', '127.0.0.1:8002']",
        "order is killed, its instances: ()",
        "user is still registered: 127.0.0.1:8001",
        "user has ended normally, its instances: ()",
    ],
    "without_a_server": ["ann leaves it to another", "bob runs the job"],
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_leaves_nothing_behind(example, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    assert list(tmp_path.iterdir()) == []
    expected = LINES.get(example.stem)  # those of the quick start contain a port
    assert expected is None or done.stdout.splitlines() == expected


QUICK_START = str(ROOT / "examples" / "quickstart.py")
WITHOUT_RICH = f"import runpy, sys; sys.modules['rich'] = None; runpy.run_path({QUICK_START!r}, run_name='__main__')"


@pytest.mark.parametrize(
    ("program", "row"),
    [([QUICK_START], "│ unittest    │ default"), (["-c", WITHOUT_RICH], "unittest              default")],
)
def test_the_quick_start_shows_both_environments_with_and_without_rich(program, row):
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    output = subprocess.run(
        [sys.executable, *program], capture_output=True, encoding="utf-8", timeout=120, env=environment
    ).stdout
    for piece in ("namespace=b'local/'", "namespace=b'unittest/'", "-> 'bar'", "['foo']", "instance3", row):
        assert piece in output
