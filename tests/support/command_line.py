"""Running the command line: in this process, or as a program that is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from attrs import frozen

from etcd_factory.cli import main
from etcd_factory.cli.logs import stop_printing


@frozen
class Done:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """Its output as JSON."""
        return json.loads(self.out)

    @property
    def lines(self):
        """The lines of its output, each as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    """Runs a command in this process, in a directory without a configuration."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capfd.readouterr()
        code = main([str(one) for one in arguments])
        sys.stdout.flush()
        return Done(code, *capfd.readouterr())

    yield run
    stop_printing()


@pytest.fixture
def cli(run, options, tmp_path):
    """Runs a command on the test's server, in the test's namespace."""
    config = tmp_path / "cli.json"
    config.write_text(json.dumps({"etcd": {"client": options}}))
    return lambda *arguments: run("--config", config, *arguments)


def environment(**more):
    """The environment of a program that imports this package."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}


@contextmanager
def program(*arguments):
    """A command as a process of its own, ended at the end."""
    command = [sys.executable, "-m", "etcd_factory", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment()) as process:
        try:
            yield process
        finally:
            process.kill()


def interrupted(process, number=signal.SIGINT):
    """The exit code of a process and what it still printed, after a signal."""
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return Done(process.returncode, out, err)
