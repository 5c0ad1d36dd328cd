"""What the commands print: text for people, or JSON; colors only on a terminal."""

from __future__ import annotations

import json
import logging
import sys
from base64 import b64encode
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import attrs
from attrs import field, frozen
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etcd_factory.options.kinds import is_list, is_mapping
from etcd_factory.options.secret import MASK, SecretText

WIDEST = 100_000  # columns of a pipe: nothing is cut, nothing wraps

Row = Mapping[str, object]


def console(*, is_error: bool = False) -> Console:
    """Return a console on the standard output, or on the standard error; without colors in a pipe."""
    made = Console(stderr=is_error, highlight=False, markup=False, emoji=False, soft_wrap=True)
    return made if made.is_terminal else Console(file=made.file, width=WIDEST, highlight=False, color_system=None)


@frozen
class Output:
    """Prints values as text, or with ``is_json`` as JSON, one document for each."""

    is_json: bool = False
    console: Console = field(factory=console)

    def value(self, value: object, text: str | Text) -> None:
        """Print a value as JSON, else the text that stands for it."""
        if self.is_json:
            self.document(value)
        else:
            self.console.print(text if isinstance(text, Text) else Text(printable(text)))

    def document(self, value: object) -> None:
        """Print a value as one line of JSON."""
        print(json.dumps(plain(value), ensure_ascii=False), file=self.console.file, flush=True)

    def table(self, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Print rows as JSON, else as a table of these columns."""
        rows = list(rows)
        if self.is_json:
            self.document(rows)
        else:
            self.console.print(table(columns, rows))


def table(columns: Sequence[str], rows: Iterable[Row]) -> Table:
    """Return a table of the columns of these rows."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column.upper().replace("_", " "), overflow="fold")
    for row in rows:
        made.add_row(*(cell(row.get(column)) for column in columns))
    return made


def cell(value: object) -> Text:
    """Return a value as a cell of a table; styled text is kept."""
    return value if isinstance(value, Text) else Text(shown(value))


def shown(value: object) -> str:
    """Return a value as one line of text that is safe on a terminal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if is_list(value):
        return ", ".join(map(shown, value))
    return printable(plain_text(value) if isinstance(value, bytes) else str(value))


def plain_text(data: bytes) -> str:
    """Return bytes as text; what is not UTF-8 is escaped."""
    return data.decode(errors="backslashreplace")


def printable(text: str) -> str:
    r"""Return text as it can be shown: other characters than letters and the like are escaped.

    A key or a value may hold sequences that change the terminal.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else escaped(one) for one in text)


def escaped(character: str) -> str:
    """Return a character as Python writes it in a text."""
    return character.encode("unicode_escape").decode()


def plain(value: Any) -> Any:
    """Return a value as JSON has it: bytes are text if they are UTF-8, else ``{"base64": ...}``; no secret is shown."""
    if isinstance(value, bytes):
        return in_text(value)
    if isinstance(value, SecretText):
        return MASK
    if is_mapping(value):
        return {str(key): plain(each) for key, each in value.items()}
    if is_list(value):
        return [plain(each) for each in value]
    if isinstance(value, Text):
        return value.plain
    return value if isinstance(value, (str, int, float, bool, type(None))) else of_object(value)


def of_object(value: object) -> Any:
    """Return another object as JSON has it: its fields, if it has some, else as text."""
    if attrs.has(type(value)):
        return plain(attrs.asdict(cast("Any", value), recurse=False))
    return str(value) if isinstance(value, (Exception, Path)) else repr(value)


def in_text(data: bytes) -> str | dict[str, str]:
    """Return bytes as JSON has them."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


def fail(message: str, kind: str, code: int, *, is_json: bool) -> None:
    """Print an error to the standard error."""
    if is_json:
        print(json.dumps({"error": message, "kind": kind, "exit_code": code}, ensure_ascii=False), file=sys.stderr)
    else:
        console(is_error=True).print(Text.assemble(("error: ", "bold red"), printable(message)))


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Keep the package's warnings to itself, where the command reports every problem itself."""
    log = logging.getLogger("etcd_factory")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
