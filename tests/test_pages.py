"""The README and the pages of the documentation: every block runs, as its reader would run it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from etcd_factory import ETCDService
from etcd_factory.testing import EtcdServer
from etcd_factory.testing.tcp_ports import free_ports
from tests.support.pages import blocks, follow, is_fragment, missing_lines, name_of, read

ROOT = Path(__file__).parent.parent
RUN = [
    "README.md",
    *(f"docs/{name}.md" for name in ("clients", "configuration", "fakes", "formats", "frameworks", "index")),
    *(f"docs/{name}.md" for name in ("installation", "modules", "observability", "registry", "testing", "tutorial")),
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/howto/*.md")),
]
KINDS = {"python", "yaml", "console", "text", "py", "ts", "sh"}
ENDPOINT, PORT = "127.0.0.1:2379", "2379"  # where a reader has an etcd
OWN = "auth.enable()"  # in a page that needs a server of its own
SERVES = "\netcd-factory serve"  # in a page that starts one itself


@pytest.fixture
def endpoint(page, etcd_server):
    """An etcd without keys; it is that of all tests wherever a page allows it."""
    if OWN in page.read_text():
        with EtcdServer() as server:
            yield server.endpoint
    else:
        with ETCDService({"hosts": etcd_server.endpoint}) as etcd:
            etcd.delete().all()
            yield etcd_server.endpoint
            etcd.delete().all()


@pytest.fixture
def page(name):
    return ROOT / name


@pytest.mark.parametrize("name", RUN)
def test_every_block_of_a_page_runs(page, endpoint, tmp_path, etcd_server):
    text = page.read_text()
    if "# config/" not in text:  # then it uses this repository's
        (tmp_path / "config").symlink_to(ROOT / "config")
    port = str(free_ports(1)[0])
    text = text.replace(PORT, port) if SERVES in text else text.replace(ENDPOINT, endpoint)
    read(text, tmp_path, ETCD_FACTORY_TEST_ENDPOINTS=etcd_server.endpoint)


@pytest.mark.parametrize("name", RUN)
def test_every_block_is_of_a_known_kind(page):
    text = page.read_text()
    assert {kind for kind, _ in blocks(text)} <= KINDS
    assert text.count("```") == 2 * len(blocks(text))


def test_what_is_not_in_the_output_is_found():
    assert missing_lines("one\nt...e\n", "one\ntwo or three\n") == []
    assert missing_lines("one\nfour\n", "one\ntwo\n") == ["four"]


def test_the_name_of_a_file_is_in_its_first_line():
    assert name_of("# config/config.default.yaml\netcd:\n") == "config/config.default.yaml"
    assert name_of("# a remark\n") is None


def test_python_that_imports_nothing_is_a_fragment():
    assert not is_fragment("import os\n") and not is_fragment("# test_a.py\ndef test_it(etcd): ...\n")
    assert is_fragment("with app.context(request) as context:\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\nimport os\nassert os.sep == ''\n```\n", "AssertionError"),
        ("```python\nimport sys\nprint('so far')\nsys.exit(3)\n```\n", "so far"),
        ("```python\nimport sys\nprint(1)\n```\n```text\n2\n```\n", "'2'] not in"),
        ("```yaml\na: [\n```\n", "expected the node content"),
        ("```python\n# unused.py\n```\n", "unused.py"),
        ("```console\nfalse\n```\n", "false: 1"),
        ("```console\netcd-factory nothing\n```\n", "No such command"),
        ("```console\netcd-factory --help  # exit code 2\n```\n", "Usage"),
    ],
)
def test_what_is_wrong_on_a_page_is_found(text, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=re.escape(error)):
        follow(text)
