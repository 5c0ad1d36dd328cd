"""Pages of the site that are made from files outside this folder, so that links to them work here and there.

``[the example](../examples/reload.py)`` is right in the repository; on the site it leads to a page that shows the file.
mkdocs calls the functions named ``on_...``.
"""

from __future__ import annotations

import ast
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
DOCS = f"{Path(__file__).parent.name}/"
SHOWN = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "tests/anchors.md",
    "config/*.yaml",
    "examples/*.py",
)
FOLDERS = {"examples": "One file per question; each runs as it is.", "config": "Commented files to copy."}
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")  # the target of a link, without its anchor
SOURCE = '<details class="mkdocstrings-source"'
LANGUAGES = {".py": "python", ".yaml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages."""
    shown = [path.relative_to(ROOT) for pattern in SHOWN for path in sorted(ROOT.glob(pattern))]
    pages = {place(path.as_posix()): text(path) for path in shown}
    pages |= {f"{folder}/index.md": listing(folder, shown) for folder in FOLDERS}
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))


def place(path: str) -> str:
    """Return where the site has a file of the repository, or a folder of it."""
    if path == "README.md":
        return "index.md"
    if path in FOLDERS:
        return f"{path}/index.md"
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return path if path.endswith(".md") else f"{path}.md"


def text(path: Path) -> str:
    """Return the page of a file: itself, or its text in a block."""
    found = (ROOT / path).read_text()
    if path.suffix == ".md":
        return found
    return f"# {path.name}\n\n`````{LANGUAGES.get(path.suffix, 'text')}\n{found}`````\n"


def listing(folder: str, shown: list[Path]) -> str:
    """Return the page of a folder: its files, each with what it says of itself first."""
    rows = [f"- [{path.name}]({path.name}){said(path)}" for path in shown if path.parent.name == folder]
    return "\n".join((f"# {folder.capitalize()}", "", FOLDERS[folder], "", *rows, ""))


def said(path: Path) -> str:
    """Return the first line of a program's docstring, nothing for other files."""
    docstring = ast.get_docstring(ast.parse((ROOT / path).read_text())) if path.suffix == ".py" else None
    return f": {docstring.splitlines()[0].replace('``', '`')}" if docstring else ""


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn the links of a document into links of the site."""
    uri = page.file.src_uri
    here = uri if page.file.generated_by else f"{DOCS}{uri}"
    if uri.removesuffix(".md").endswith(tuple(LANGUAGES)):  # a program: what looks like a link is none
        return markdown
    return LINK.sub(lambda target: moved(target[1], here, uri), markdown)


def moved(target: str, here: str, uri: str) -> str:
    """Return a link from a page of the site that was a link from a file of the repository."""
    found = place(posixpath.normpath(posixpath.join(posixpath.dirname(here), target)))
    return posixpath.relpath(found, posixpath.dirname(uri) or ".")


def on_page_content(html: str, **_: Any) -> str:
    """Keep the source of the package out of the search."""
    return html.replace(SOURCE, f"{SOURCE} data-search-exclude")
