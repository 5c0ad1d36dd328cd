"""The documentation site: it builds without a warning, no link is broken, it works offline and names everything."""

from __future__ import annotations

import fcntl
import importlib
import inspect
import os
import re
import types

import griffe
import pytest

from tests.support import options_page, pictures
from tests.support.browser import PHONE, PROGRAM, chromium, visit
from tests.support.site import ROOT, broken, build, inventory, is_elsewhere, page, pages, serve

PACKAGES = (
    *("etcd_factory", "etcd_factory.config", "etcd_factory.configcenter", "etcd_factory.errors"),
    *("etcd_factory.factory", "etcd_factory.integrations.django", "etcd_factory.integrations.fastapi"),
    *("etcd_factory.integrations.opentelemetry", "etcd_factory.integrations.prometheus", "etcd_factory.model"),
    *("etcd_factory.nest", "etcd_factory.options", "etcd_factory.registry", "etcd_factory.registry.balancers"),
    *("etcd_factory.registry.formats", "etcd_factory.testing", "etcd_factory.testing.replies"),
)
STYLE_LOADS = re.compile(r"(?:url\(|@import\s*)[\"']?(?!data:)([^\"')]+)")
WIDE = ("index.html", "options.html", "guarantees.html", "node.html", "reference/clients.html", "examples/index.html")
DURATION = re.compile(r"^(delay|drain|hold|initial|maximum|pause|seconds|ttl|warmup)$|timeout|interval$")
MARKS = re.compile(r"[\s`*_]")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; one for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            build(folder)
    return folder


@pytest.fixture(scope="module")
def found(site):
    return pages(site)


def test_no_link_is_broken(found):
    assert len(found) > 50
    assert broken(found) == []


def test_a_broken_link_would_be_found(tmp_path):
    (tmp_path / "b.html").write_text("")
    here = tmp_path / "a.html"
    links = ("b.html", "#x", "c.html", "#y", "b.html#z", "https://etcd.io")
    text = '<p id="x">' + "".join(f'<a href="{link}">' for link in links)
    found = {here: page(text), tmp_path / "b.html": page("")}
    assert broken(found) == ["a.html: c.html", "a.html: #y", "a.html: b.html#z"]


def test_nothing_is_loaded_from_elsewhere(site, found):
    assert [link for one in found.values() for link in one.loaded if is_elsewhere(link)] == []
    styles = [STYLE_LOADS.findall(path.read_text()) for path in site.rglob("*.css")]
    assert [link for links in styles for link in links if is_elsewhere(link)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference_with_its_docstring(package, site, found):
    module, documented = importlib.import_module(package), inventory(site)
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            assert value.__name__ in PACKAGES
            continue
        path, anchor = documented[f"{package}.{name}"]
        assert anchor in found[path].anchors
        assert first_words(value) in plain("".join(found[path].words)), name


def plain(text):
    """A text without spaces, and without what marks code and emphasis."""
    return MARKS.sub("", text)


def first_words(value):
    """The first line of the docstring of a class or a function, without marks; empty for another value."""
    documented = inspect.isclass(value) or inspect.isfunction(value)
    return plain((inspect.getdoc(value) or "").partition("\n")[0]) if documented else ""


def test_doctests_are_blocks_of_code(site, found):
    assert ">>>" in found[site / "reference" / "testing.html"].words


def test_every_duration_says_its_unit(site):
    package = griffe.load("etcd_factory", search_paths=[ROOT])
    assert [name for name in inventory(site) if lacks_unit(package, name)] == []


def lacks_unit(package, name):
    """Whether a function takes a duration, and neither its docstring nor that of its class speaks of seconds."""
    found = package[name.removeprefix("etcd_factory.")] if "." in name else package
    found = found.final_target if found.is_alias else found
    texts = [one.docstring.value for one in (found, found.parent) if one and one.docstring]
    timed = found.is_function and any(DURATION.search(parameter.name) for parameter in found.parameters)
    return timed and not any("second" in text for text in texts)


def test_the_options_are_those_of_the_classes():
    """If not, run ``python -m tests.support.options_page``."""
    assert options_page.PATH.read_text() == options_page.generated()


def test_the_pictures_are_there_and_small():
    """``python -m tests.support.pictures`` takes them."""
    sizes = {path.name: path.stat().st_size for path in pictures.FOLDER.glob("*.png")}
    assert {pictures.name_of(shot) for shot in pictures.KEPT} <= set(sizes)
    assert [name for name, size in sizes.items() if size > 200_000] == []


@pytest.mark.skipif(not PROGRAM, reason="needs Chromium: apt-get install chromium")
def test_no_page_is_wider_than_a_phone_and_the_search_works(site):
    with serve(site) as address, chromium() as browser:
        for path in WIDE:
            with visit(browser, f"{address}/{path}", PHONE) as shown:
                assert shown.evaluate("document.documentElement.scrollWidth") == PHONE[0], path
        with visit(browser, f"{address}/index.html") as shown:
            shown.get_by_role("textbox", name="Search").fill("fencing_token")
            shown.get_by_text("fencing_token").first.wait_for()
