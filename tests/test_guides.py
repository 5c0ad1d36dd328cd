"""The tutorial and the how-to guides: short, of steps that all run, with links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.pages import blocks, is_fragment

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {
    path.relative_to(DOCS).as_posix(): path.read_text() for path in [DOCS / "tutorial.md", *DOCS.glob("howto/*.md")]
}
KINDS = {"python", "yaml", "console", "text", "py", "ts"}
OURS = ("etcd_factory", "etcd-factory")
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
LINES = range(30, 171)  # a guide is short


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_is_short_and_every_step_runs(page):
    assert page == "tutorial.md" or PAGES[page].count("\n") in LINES
    assert {kind for kind, _ in blocks(PAGES[page])} <= KINDS
    assert not any(kind == "python" and is_fragment(text) for kind, text in blocks(PAGES[page]))


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
