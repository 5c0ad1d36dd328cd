"""The documentation site: builds and serves it, and reads what was built."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

from attrs import define, field

ROOT = Path(__file__).parents[2]
PATIENCE = 280  # seconds for a build, which takes 15 on a machine with nothing else to do
LOADED = {("img", "src"), ("link", "href"), ("script", "src"), ("source", "src"), ("iframe", "src")}
WITHOUT_TEXT = ("script", "style", "details")  # the last is the source of what is documented


def build(folder: Path) -> None:
    """Build the site into a folder; ``AssertionError`` with every warning if there is one."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},  # Material's advertisement for its successor
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout


class Quiet(SimpleHTTPRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """A server whose browser may leave before it has everything."""

    def handle_error(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on 127.0.0.1 until the end of the block; gives its address."""
    with Server(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@define
class HTML(HTMLParser):
    """What a page has: its anchors, its links, what it loads, its text."""

    anchors: set[str] = field(factory=set)
    links: list[str] = field(factory=list)
    loaded: list[str] = field(factory=list)
    words: list[str] = field(factory=list)
    inside: list[str] = field(factory=list)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what its attributes name."""
        self.inside += [tag] if tag in WITHOUT_TEXT else []
        for name, value in attrs:
            if name == "id":
                self.anchors.add(str(value))
            elif (tag, name) in LOADED:
                self.loaded.append(str(value))
            elif (tag, name) == ("a", "href"):
                self.links.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        """Leave what has no text."""
        if tag in self.inside:
            self.inside.remove(tag)

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.words += [] if self.inside else data.split()


def pages(folder: Path) -> dict[Path, HTML]:
    """Return the pages of a built site by their paths, without the one for errors: its links are a server's."""
    return {path: page(path.read_text()) for path in sorted(folder.rglob("*.html")) if path.name != "404.html"}


def page(text: str) -> HTML:
    """Return what a page has."""
    found = HTML()
    found.feed(text)
    return found


def broken(found: dict[Path, HTML]) -> list[str]:
    """Return the links to files and anchors that do not exist; those to other sites are not looked at."""
    return [
        f"{path.name}: {link}"
        for path, one in found.items()
        for link in (*one.links, *one.loaded)
        if not is_elsewhere(link) and not leads_somewhere(path, link, found)
    ]


def is_elsewhere(link: str) -> bool:
    """Whether a link leads out of the site."""
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)


def leads_somewhere(path: Path, link: str, found: dict[Path, HTML]) -> bool:
    """Whether what a link names exists."""
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if parts.fragment and target in found:
        return unquote(parts.fragment) in found[target].anchors
    return target.is_file()


def inventory(folder: Path) -> dict[str, tuple[Path, str]]:
    """Return the names of Python that a site documents, each with its page and anchor; Sphinx's format."""
    packed = (folder / "objects.inv").read_bytes().split(b"\n", 4)[4]
    rows = [line.split() for line in zlib.decompress(packed).decode().splitlines()]
    return {row[0]: place(folder, row[0], row[3]) for row in rows}


def place(folder: Path, name: str, uri: str) -> tuple[Path, str]:
    """Return the page and the anchor of a name; ``$`` stands for the name."""
    path, _, anchor = uri.partition("#")
    return folder / path, name if anchor == "$" else anchor
