"""The tutorial and the how-to guides: every step runs, as its reader would run it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from etcd_factory.testing import EtcdServer
from etcd_factory.testing.tcp_ports import free_ports
from tests.support.pages import blocks, follow, missing_lines, name_of

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {
    path.relative_to(DOCS).as_posix(): path.read_text() for path in [DOCS / "tutorial.md", *DOCS.glob("howto/*.md")]
}
ENDPOINT, PORT = "127.0.0.1:2379", "2379"  # where a reader has an etcd
KINDS = {"python", "yaml", "console", "text", "py", "ts"}
OURS = ("etcd_factory", "etcd-factory")
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
LINES = range(30, 171)  # a guide is short


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_step_of_a_page_runs(page, tmp_path):
    text = PAGES[page]
    if "etcd-factory serve" in text:  # the page starts its own
        reader = follow(text.replace(PORT, str(free_ports(1)[0])), tmp_path)
    else:
        with EtcdServer() as server:
            reader = follow(text.replace(ENDPOINT, server.endpoint), tmp_path)
    assert unused(reader, text) == []


def unused(reader, text):
    """The Python files that no command runs and no other file imports."""
    scripts = [name for name in reader.written if name.endswith(".py")]
    commands = "\n".join(reader.ran)
    return [one for one in scripts if one != "block.py" and not is_used(Path(one), commands, text)]


def is_used(path, commands, text):
    is_test = path.name.startswith("test_") and "pytest" in commands
    return is_test or path.name in commands or f"{path.stem} import" in text or f'"{path.stem}"' in text


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_is_short_and_of_known_kinds(page):
    assert page == "tutorial.md" or PAGES[page].count("\n") in LINES
    assert {kind for kind, _ in blocks(PAGES[page])} <= KINDS
    assert PAGES[page].count("```") == 2 * len(blocks(PAGES[page]))


@pytest.mark.parametrize("page", sorted(PAGES))
def test_code_of_other_libraries_is_not_called_ours(page):
    for kind, text in blocks(PAGES[page]):
        assert kind != "py" or not any(name in text for name in OURS)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_link_leads_to_a_page_of_the_documentation(page):
    here = DOCS / page
    for target, heading in LINK.findall(PAGES[page]):
        if target.startswith("https://"):
            continue
        found = (here.parent / target).resolve() if target else here
        assert found.is_file() and found.is_relative_to(DOCS), target
        assert not heading or heading in headings(found.read_text()), f"{target}#{heading}"


def headings(text):
    """The names of the headings of a page, as links have them."""
    titles = [re.sub(r"[^\w\- ]", "", line.lstrip("# ")) for line in text.splitlines() if line.startswith("#")]
    return [title.strip().lower().replace(" ", "-") for title in titles]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_yaml_is_valid(page):
    for kind, text in blocks(PAGES[page]):
        assert kind != "yaml" or list(yaml.safe_load_all(text))


def test_what_is_not_in_the_output_is_found():
    assert missing_lines("one\nt...e\n", "one\ntwo or three\n") == []
    assert missing_lines("one\nfour\n", "one\ntwo\n") == ["four"]


def test_the_name_of_a_file_is_in_its_first_line():
    assert name_of("# config/config.default.yaml\netcd:\n") == "config/config.default.yaml"
    assert name_of("# a remark\n") is None
