"""Doctests in docstrings as blocks of code: ``>>>`` at the start of a line is a quotation in Markdown."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

BLOCK = re.compile(r"^>>> .+(?:\n.+)*", re.MULTILINE)  # up to an empty line


class Doctests(Extension):
    """What mkdocstrings runs on each object that it reads."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Put each doctest of the object's docstring into a fence."""
        if obj.docstring:
            obj.docstring.value = BLOCK.sub(fenced, obj.docstring.value)


def fenced(found: re.Match[str]) -> str:
    """Return a doctest in a fence."""
    return f"```pycon\n{found[0]}\n```"
