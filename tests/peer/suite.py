"""One run of the tests on a new cluster, and its results."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from xml.etree import ElementTree

from etcd_factory.testing import EtcdServer, find_binary
from etcd_factory.testing.flags import clean_env

from .sides import HERE, Side

Results = Mapping[str, str]  # why each test did not pass; "" if it did

LIMIT_S = 900
REPORT = "report.xml"
PYTEST = ("-m", "pytest", "-qrN", "--tb=no", "--disable-warnings", "-pno:cacheprovider", f"--junitxml={REPORT}")


def run(side: Side, tests: Path, home: Path, only: Iterable[str] = ()) -> Results:
    """Run a copy of the tests in a new folder: all, or ``only`` those, by their names in the results."""
    shutil.copytree(tests, home / "tests")
    shutil.copy(HERE / f"{side.conftest}.py", home / "conftest.py")
    (home / "pytest.ini").touch()  # else one in a parent folder would apply
    chosen = [f"tests/test_etcd3.py::{test.replace('.', '::')}" for test in only] or ["tests"]
    with cluster() as servers:
        where = programs(home / "bin", servers)
        env = clean_env() | side.paths | settings(servers) | {"PATH": f"{where}{os.pathsep}{os.environ['PATH']}"}
        command = [side.python, *PYTEST, *chosen]
        subprocess.run(command, cwd=home, env=env, stdin=subprocess.DEVNULL, timeout=LIMIT_S)
    return read(home / REPORT)


@contextmanager
def cluster() -> Iterator[Sequence[EtcdServer]]:
    """Start three members, with the names that the tests expect, which are pifpaf's."""
    servers = [EtcdServer(name=f"pifpaf{number}") for number in range(3)]
    peers = ",".join(f"{server.name}={server.peer_url}" for server in servers)
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.stop)
            server.args = (f"--initial-cluster={peers}",)
            server.launch()
        yield [server.await_ready() for server in servers]


def programs(folder: Path, servers: Sequence[EtcdServer]) -> Path:
    """Create a folder with etcdctl and a pgrep that finds just the two members that the tests pause."""
    folder.mkdir()
    (folder / "etcdctl").symlink_to(find_binary("etcdctl"))
    (folder / "pgrep").write_text(f"#!/bin/sh\necho {servers[1].pid}\necho {servers[2].pid}\n")
    (folder / "pgrep").chmod(0o755)
    return folder


def settings(servers: Sequence[EtcdServer]) -> dict[str, str]:
    """Return the environment that the tests read, without the plugins that happen to be installed."""
    return {
        "PYTEST_ADDOPTS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHON_ETCD_HTTP_URL": servers[0].url,
        "TEST_ETCD_VERSION": f"v{servers[0].version}",
    }


def read(report: Path) -> Results:
    """Return the results in a report of pytest."""
    found: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}.{case.get('name')}"
        found[name] = found.get(name) or fault(case)  # a test with an error in its teardown is listed twice
    return found


def fault(case: ElementTree.Element) -> str:
    """Return the first line of why a test did not pass."""
    problems = [child for child in case if child.tag in {"failure", "error", "skipped"}]
    return (problems[0].get("message") or problems[0].tag).splitlines()[0] if problems else ""
