"""Follows a page of the documentation as its reader would: writes its files, runs its code, compares the output.

The reader is in an empty folder and has an etcd at 127.0.0.1:2379, which is empty too. A block whose first line is
``# name.ext`` is a file. Other ``python`` blocks run, one after another in one interpreter, unless they import nothing:
those are fragments. All lines of ``console`` blocks run; one that ends with ``&`` is ready when it has printed a line,
and runs until the end of the page; one that ends with ``# exit code 2`` has that. The lines of a ``text`` block are in
the output of the block before it, where ``...`` is anything. Tests that no command runs are run at the end, and a
Python file that nothing uses is an error. What a reader runs elsewhere is ``sh``; ``py`` and ``ts`` are code for other
libraries.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path

import yaml
from attrs import Factory, define

from etcd_factory.cli import main as command_line

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.\w+)\n")
IMPORT = re.compile(r"^(?:from|import) ", re.MULTILINE)
CODE = re.compile(r"# exit code (\d+)$")
ANYTHING = re.escape("...")
# commands that change the machine, serve for ever or need others
ELSEWHERE = ("pip ", "python3 -m venv ", "kubectl ", "uvicorn ", "curl ")
EXPORT, SCRIPT, SCRATCH = "export ", "etcd-factory ", "block.py"
PATIENCE = 240  # seconds for one page
INI = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""


def blocks(text):
    """The kind and the text of each block of a page."""
    return BLOCK.findall(text)


def name_of(block):
    """The file that a block is, None if it is none."""
    named = NAMED.match(block)
    return named and named[1]


def is_fragment(block):
    """Whether Python is a part of a program of the reader's: it imports nothing."""
    return not name_of(block) and not IMPORT.search(block)


def missing_lines(expected, output):
    """The lines that are not in an output."""
    found = output.splitlines()
    patterns = [re.escape(line).replace(ANYTHING, ".*") for line in expected.splitlines()]
    return [one for one in patterns if not any(re.fullmatch(one, line.rstrip()) for line in found)]


@contextmanager
def captured():
    """Whatever is printed, also as bytes."""
    printed = TextIOWrapper(BytesIO(), write_through=True)
    with redirect_stdout(printed), redirect_stderr(printed):
        yield lambda: printed.buffer.getvalue().decode()


@define
class Reader:
    """Whoever follows a page in the current directory."""

    stack: ExitStack
    output: str = ""
    written: dict[str, str] = Factory(dict)
    ran: list[str] = Factory(list)

    def follow(self, kind, text):
        """Do what one block says."""
        if kind == "yaml":
            list(yaml.safe_load_all(text))
        if name := name_of(text):
            self.write(name, text)
        elif kind == "text":
            missing = missing_lines(text, self.output)
            assert not missing, f"{missing} not in:\n{self.output}"
        elif kind == "console":
            self.output = "".join(self.run_line(line) for line in text.splitlines())
        elif kind == "python" and not is_fragment(text):
            Path(SCRATCH).write_text(text)
            self.output = self.call(lambda: runpy.run_path(SCRATCH, run_name="__main__") and 0)

    def write(self, name, text):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
        self.written[name] = text

    def run_line(self, line):
        self.ran.append(line)
        if line.startswith(ELSEWHERE):
            return ""
        if line.startswith(EXPORT):
            name, _, value = line.removeprefix(EXPORT).partition("=")
            os.environ[name] = value
            return ""
        if line.endswith("&"):
            # the same; a clone on the path has no script
            return self.start(["bash", "-c", line.removesuffix("&").replace(SCRIPT, "python -m etcd_factory ")])
        found = CODE.search(line)
        code = int(found[1]) if found else 0
        if line.startswith(SCRIPT):
            return self.call(lambda: command_line(shlex.split(line, comments=True)[1:]), code)
        return self.run(line, code)

    def call(self, function, code=0):
        """Call what returns an exit code; returns what it has printed."""
        with captured() as output:
            try:
                returned = function()
            except SystemExit as end:
                returned = end.code or 0
            except BaseException as error:
                raise AssertionError(f"{output()}{type(error).__name__}") from error
        assert returned == code, f"{returned}\n{output()}"
        return output()

    def run(self, command, code=0):
        """Run a command of the shell; returns what it has printed."""
        done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, command):
        pipe = subprocess.PIPE
        process = self.stack.enter_context(subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True))
        self.stack.callback(process.send_signal, signal.SIGTERM)
        line = process.stdout.readline()
        assert line, f"{command} has ended"
        return line

    def finish(self, page):
        """Run the tests that nobody ran; every Python file is then used."""
        tests = {name: text for name, text in self.written.items() if name.startswith("test_")}
        if tests and "pytest" not in "\n".join(self.ran):
            printed = self.run_line("python -m pytest -q -W error")
            count = "".join(tests.values()).count("def test_")
            assert f"\n{count} passed" in printed, printed
        scripts = [Path(name) for name in self.written if name.endswith(".py")]
        unused = [path for path in scripts if not is_used(path, "\n".join(self.ran), page)]
        assert not unused, unused


def is_used(path, commands, page):
    is_test = path.name.startswith("test_") and "pytest" in commands
    return is_test or path.name in commands or f"{path.stem} import" in page or f'"{path.stem}"' in page


def follow(text):
    """Follow a page to its end, in the current directory."""
    with ExitStack() as stack:
        reader = Reader(stack)
        for kind, block in blocks(text):
            reader.follow(kind, block)
        reader.finish(text)


def read(text, folder, **environment):
    """Have a page followed by a process of its own."""
    (folder / "pytest.ini").write_text(INI)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PATH": tools, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.pages"],
        input=text,
        cwd=folder,
        env={**os.environ, **own, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(END), done.stdout


END = "followed to its end\n"


def expire(*signal_and_frame):
    raise TimeoutError(f"the page was not followed in {PATIENCE} s")


if __name__ == "__main__":
    # an alarm, as it leaves the blocks, and so ends what was started
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(PATIENCE)
    follow(sys.stdin.read())
    print(END, end="")
