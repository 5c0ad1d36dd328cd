from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import pytest
import typer

from etcd_factory.cli.command import command, guarded
from etcd_factory.cli.session import Session
from etcd_factory.cli.settings import Settings
from etcd_factory.errors import ConfigError, ConnectionFailedError
from tests.support.command_line import environment


def raising(error):
    """A function that raises it."""

    def action():
        raise error

    return action


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (7, 7)])
def test_what_a_command_returns_is_the_exit_code(answer, code):
    assert guarded(lambda: answer, Settings()) == code


@pytest.mark.parametrize(
    ("error", "code"), [(ConfigError("why"), 2), (ConnectionFailedError("why"), 3), (FileNotFoundError("why"), 1)]
)
def test_an_error_is_printed_and_has_its_code(capfd, error, code):
    assert guarded(raising(error), Settings()) == code
    assert capfd.readouterr().err.startswith("error: why")


def test_ctrl_c_prints_nothing(capfd):
    assert guarded(raising(KeyboardInterrupt()), Settings()) == 130
    assert capfd.readouterr() == ("", "")


def test_a_defect_is_raised():
    with pytest.raises(ZeroDivisionError):
        guarded(raising(ZeroDivisionError()), Settings())


def test_a_closed_pipe_is_no_error():
    code = "from etcd_factory.cli.command import guarded\nfrom etcd_factory.cli.settings import Settings\n"
    code += "raise SystemExit(guarded(lambda: [print('x' * 100) for _ in range(10_000)], Settings()))"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, env=environment()) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_the_shared_options_may_stand_on_both_sides():
    app, seen = typer.Typer(), []

    @command(app)
    def one(session: Session, name: str, loud: Annotated[bool, typer.Option("--loud")] = False) -> int:
        """Do one thing."""
        seen.append((session.settings, name, loud))
        return 5

    @app.callback()
    def root() -> None:
        """Have groups."""

    with pytest.raises(SystemExit) as ended:
        app(["one", "--json", "x", "--loud", "--env", "local"], prog_name="x")
    assert ended.value.code == 5
    assert seen == [(Settings(env="local", is_json=True), "x", True)]


def test_options_before_the_command_count_too(run, tmp_path):
    (tmp_path / "a.json").write_text('{"etcd": {"client": {}}}')
    done = run("--json", "--config", tmp_path / "a.json", "config", "check")
    assert (done.json["ok"], done.json["clients"], done.json["faults"]) == (True, ["default"], [])
