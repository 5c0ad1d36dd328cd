from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import pytest

from etcd_factory import cli
from etcd_factory.cli.app import NAME, closing_at_sigterm
from tests.support.command_line import environment

COMMANDS = (
    *("get", "put", "del", "ls", "watch", "lock", "elect", "status", "snapshot", "doctor", "top", "serve"),
    *("lease grant", "lease revoke", "lease keepalive", "lease ttl", "lease ls"),
    *("member ls", "member add", "member update", "member remove", "member promote"),
    *("config check", "config explain", "config diff", "config schema"),
    *("services ls", "services watch", "services register"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_the_shared_options(run, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "200")
    done = run(*command.split(), "--help")
    assert done.code == 0
    for option in ("--config", "--env", "--client", "--hosts", "--user", "--timeout", "--json"):
        assert option in done.out
    assert "assword" not in done.out.replace("Password: $ETCD_PASSWORD, or asked.", "")


@pytest.mark.parametrize("arguments", [["nosuch"], ["get"], ["get", "k", "--nosuch"], ["serve", "--port", "x"]])
def test_wrong_arguments_have_exit_code_2_and_say_what_is_wrong(run, arguments):
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: etcd-factory" in done.err


@pytest.mark.parametrize("arguments", [["nosuch"], ["get"], ["get", "k", "--nosuch"], ["config"], []])
@pytest.mark.parametrize("place", ["before", "after"])
def test_wrong_arguments_are_an_error_in_json_too(run, arguments, place):
    done = run("--json", *arguments) if place == "before" else run(*arguments, "--json")
    assert (done.code, done.out) == (2, "")
    told = json.loads(done.err)
    assert (told.pop("exit_code"), set(told)) == (2, {"error", "kind"})
    assert told["error"]


def test_an_option_that_there_is_not_is_named_in_json(run):
    assert "--nosuch" in json.loads(run("get", "k", "--nosuch", "--json").err)["error"]


def test_what_is_for_a_program_chooses_no_json(run):
    assert "Usage: etcd-factory" in run("lock", "--nosuch", "--", "program", "--json").err


def test_help_and_exit_codes_are_the_same_with_json(run):
    done = run("--json", "get", "--help")
    assert (done.code, "--raw" in done.out) == (0, True)
    assert run("config", "check", "--config", "nosuch", "--json").code == 2


@pytest.mark.parametrize(("module", "name"), [("typer", "typer"), ("rich", "rich"), ("rich.console", "rich")])
def test_without_the_extra_it_says_what_to_install(module, name):
    code = f"import sys; sys.modules[{module!r}] = None\nfrom etcd_factory.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"the command line needs {name}: pip install 'etcd-factory[cli]'\n"


def test_another_missing_module_is_not_mistaken_for_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "etcd_factory.cli.app", None)
    with pytest.raises(ModuleNotFoundError, match=r"etcd_factory\.cli\.app"):
        cli.main(["--help"])


@pytest.mark.parametrize(("words", "expected"), [("etcd-factory ge", "get"), ("etcd-factory lease gr", "grant")])
def test_shells_complete_commands(words, expected):
    more = {"_ETCD_FACTORY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    command = [sys.executable, "-m", "etcd_factory"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(**more), timeout=60)
    assert done.stdout.split() == [expected]
    assert NAME == "etcd-factory"


def test_sigterm_ends_what_runs_and_the_handler_is_restored():
    before = signal.getsignal(signal.SIGTERM)
    with closing_at_sigterm(), pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_elsewhere_than_in_the_main_thread_signals_are_left_alone():
    seen = []

    def work():
        with closing_at_sigterm():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert seen == [before]
