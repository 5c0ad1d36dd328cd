"""The web console as a program of its own, as its user starts it."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen

import etcd_factory
from etcd_factory import ETCDService
from tests.support.command_line import interrupted, program

FILES = sorted((Path(etcd_factory.__file__).parent / "console" / "static").iterdir())  # of the page
STATICS = [f"/{file.name}" for file in FILES if file.name != "index.html"]


@frozen
class Running:
    """A running console: its process, the address that it has printed, and the token in it."""

    process: object
    url: str
    token: str

    @property
    def origin(self):
        """What a page of it has as its origin."""
        return self.url.partition("/#")[0]


@contextmanager
def console(*arguments):
    """A console on a free port, ended by Ctrl-C at the end."""
    with program("console", "--json", *arguments) as process:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        printed = json.loads(line)
        yield Running(process, printed["url"], printed["token"])
        if process.poll() is None:
            done = interrupted(process)
            assert (done.code, done.err) == (130, "")


@pytest.fixture(scope="module")
def console_options(etcd_server):
    """Options of a client in a namespace that only this module uses."""
    return {"hosts": [*etcd_server.endpoints], "namespace": f"console/{uuid.uuid4().hex}/"}


@pytest.fixture(scope="module")
def console_config(console_options, tmp_path_factory):
    """A file with a configuration of that client."""
    file = tmp_path_factory.mktemp("console") / "console.json"
    file.write_text(json.dumps({"etcd": {"client": console_options}}))
    return file


@pytest.fixture(scope="module")
def running(console_config):
    """One console for all tests of the module: a program takes a second to begin."""
    with console("--config", console_config, "--write") as one:
        yield one


@pytest.fixture
def stored(console_options):
    """A client in the namespace of the console, which is empty at the beginning of each test."""
    with ETCDService(console_options) as client:
        client.delete().all()
        yield client
        client.delete().all()
