"""Runs a page of the documentation as its reader would: writes its files, runs its commands, compares their output.

A block whose first line is ``# name.ext`` is a file. Other ``python`` blocks run, and so do all lines of ``console``
blocks; one that ends with ``&`` is ready when it has printed a line, and runs until the end of the page; one that ends
with ``# exit code 2`` has that. The lines of a ``text`` block are in the output of the block before it, where ``...``
is anything. Code for other libraries, ``py`` or ``ts``, is not run.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from attrs import Factory, define

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.\w+)\n")
CODE = re.compile(r"# exit code (\d+)$")
ANYTHING = re.escape("...")
# commands that change the machine, serve for ever or need others
ELSEWHERE = ("pip ", "kubectl ", "uvicorn ", "curl ")
OTHERS = ("py", "ts")  # code for other libraries
EXPORT, SCRIPT = "export ", "etcd-factory "
PATIENCE = 120  # seconds for one command


def blocks(text):
    """The kind and the text of each block of a page."""
    return BLOCK.findall(text)


def name_of(block):
    """The file that a block is, None if it is none."""
    named = NAMED.match(block)
    return named and named[1]


def missing_lines(expected, output):
    """The lines that are not in an output."""
    found = output.splitlines()
    patterns = [re.escape(line).replace(ANYTHING, ".*") for line in expected.splitlines()]
    return [one for one in patterns if not any(re.fullmatch(one, line.rstrip()) for line in found)]


@define
class Reader:
    """Whoever follows a page in an empty folder."""

    folder: Path
    stack: ExitStack
    output: str = ""
    written: set[str] = Factory(set)
    ran: list[str] = Factory(list)
    env: dict[str, str] = Factory(dict)

    def follow(self, kind, text):
        """Do what one block says."""
        if kind in OTHERS:
            return
        if kind == "text":
            missing = missing_lines(text, self.output)
            assert not missing, f"{missing} not in:\n{self.output}"
        elif kind == "console":
            self.output = "".join(self.run_line(line) for line in text.splitlines())
        elif name := name_of(text):
            self.write(name, text)
        elif kind == "python":
            self.write("block.py", text)
            self.output = self.run(sys.executable, "-W", "error", "block.py")

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.written.add(name)

    def run_line(self, line):
        self.ran.append(line)
        if line.startswith(ELSEWHERE):
            return ""
        if line.startswith(EXPORT):
            name, _, value = line.removeprefix(EXPORT).partition("=")
            self.env[name] = value
            return ""
        command = line.replace(SCRIPT, "python -m etcd_factory ")  # the same; a clone on the path has no script
        if line.endswith("&"):
            return self.start(["bash", "-c", command.removesuffix("&")])
        code = CODE.search(line)
        return self.run("bash", "-c", command, code=int(code[1]) if code else 0)

    def run(self, *command, code=0):
        done = subprocess.run(command, **self.surroundings, timeout=PATIENCE)
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, command):
        process = self.stack.enter_context(subprocess.Popen(command, **self.surroundings))
        self.stack.callback(process.send_signal, signal.SIGTERM)
        line = process.stdout.readline()
        assert line, f"{command} has ended"
        return line

    @property
    def surroundings(self):
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        paths = f"{self.folder}{os.pathsep}{ROOT}"
        env = {**os.environ, **self.env, "PATH": tools, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        return {"cwd": self.folder, "env": env, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


def follow(text, folder):
    """Follow a page to its end; returns whoever did."""
    with ExitStack() as stack:
        reader = Reader(folder, stack)
        for kind, block in blocks(text):
            reader.follow(kind, block)
    return reader
