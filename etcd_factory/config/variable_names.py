"""The names of variables: the paths that they mean, and those that were meant to be others."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from etcd_factory.errors import ConfigError, Fault
from etcd_factory.options import schema
from etcd_factory.options.kinds import is_mapping
from etcd_factory.options.names import canonical
from etcd_factory.options.nesting import DEEPEST
from etcd_factory.options.schema import Kind

from . import tree
from .environment import VARIABLES
from .references import References
from .tree import Path

logger = logging.getLogger("etcd_factory.config")

PREFIX = "ETCD_FACTORY__"
SEPARATOR = "__"
WITH_NAMES = ("clients", "client_priority")
SIMILAR = 0.85  # of 1


def folded(name: str) -> str:
    """Return a name without regard to case, dashes, dots and underscores."""
    return re.sub(r"[\W_]+", "", name.casefold())


def variable(path: Path) -> str:
    """Return the variable that sets the value at a path."""
    return PREFIX + SEPARATOR.join(re.sub(r"\W", "_", name) for name in path).upper()


class Names:
    """Turns the names of variables into paths, given the layers below them."""

    def __init__(self, below: References) -> None:
        self._below, self._section = below, below.section

    def path(self, name: str) -> Path:
        """Return the path that a variable sets: the section and the clients are spelled as they are in the files."""
        path = tuple(name.removeprefix(PREFIX).lower().split(SEPARATOR))
        if not all(path):
            raise ConfigError(Fault(f"${name}", "", "a part of this name is empty; write ETCD_FACTORY__A__B"))
        if len(path) > DEEPEST:
            raise ConfigError(Fault(f"${name[:100]}...", "", f"nested more than {DEEPEST} levels deep"))
        size = len(self._section)
        if list(map(folded, path[:size])) != list(map(folded, self._section)):
            return path
        inside = path[size:]
        if len(inside) > 1 and canonical(inside[0]) in WITH_NAMES:
            inside = (inside[0], self._client(inside[1], f"${name}"), *inside[2:])
        return (*self._section, *inside)

    def _client(self, name: str, label: str) -> str:
        """Return the name of a client that a variable can only spell approximately."""
        alike = [known for known in self.clients if folded(known) == folded(name)]
        if name in alike or not alike:
            return name
        if len(alike) > 1:
            raise ConfigError(
                Fault(label, "", f"means any of the clients {', '.join(sorted(alike))}; rename one of them")
            )
        return alike[0]

    @cached_property
    def clients(self) -> list[str]:
        """The names of clients in the layers below."""
        found: dict[str, None] = {}
        for group in WITH_NAMES:
            entry = self._below.find((*self._section, group))
            values = self._below.followed(entry).node.value if entry else None
            found.update(dict.fromkeys(map(str, values if is_mapping(values) else ())))
        return list(found)


def warn_misplaced(environ: Mapping[str, str], paths: Mapping[str, Path], names: Names, below: References) -> None:
    """Log a warning for each variable that has no effect, or another one than was probably meant, if it is similar."""
    for name in environ:
        path = paths.get(name)
        if is_suspicious(name, path, below):
            similar = meant(name, names, below, is_ours=path is not None)
            problem = f"sets {'.'.join(path)}, which no file has" if path else "is not read"
            if similar:
                logger.warning("$%s %s; did you mean $%s?", name, problem, similar)


def is_suspicious(name: str, path: Path | None, below: References) -> bool:
    """Whether a variable begins like ours, and sets no option nor anything that a layer below it has."""
    if path is None:
        return folded(name).startswith(folded(PREFIX)) and name not in VARIABLES and not name.startswith(PREFIX)
    size = len(below.section)
    is_option = path[:size] == below.section and schema.kind(path[size:]) is not Kind.UNKNOWN
    return not is_option and below.find(path) is None


def meant(name: str, names: Names, below: References, *, is_ours: bool) -> str:
    """Return the variable that was probably meant: with other underscores, or one with a similar name."""
    known = {one.removeprefix(PREFIX): one for one in known_variables(name, names, below)}
    same = [one for one in known.values() if folded(one) == folded(name)]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1, cutoff=SIMILAR) if is_ours else []
    return next(iter([*same, *(known[one] for one in near)]), "")


def known_variables(name: str, names: Names, below: References) -> Iterator[str]:
    """Yield the variables of all options, those of clients whose name is in ``name``, and of all values below."""
    clients = ["*", *(client for client in names.clients if folded(client) in folded(name))]
    for keys in schema.options():
        for client in clients if "*" in keys else [""]:
            yield variable((*below.section, *(client if key == "*" else key for key in keys)))
    yield from (variable(path) for path, _ in tree.labels(below.root))
