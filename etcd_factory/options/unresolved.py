"""Why an interpolation cannot be resolved, in words that do not show any part of a secret's text.

OmegaConf's own messages name what it looked for last, which may stand in the text of a secret that is referred to. What
is said here comes from the text of the value itself, unless that is a secret too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from omegaconf.errors import (
    GrammarParseError,
    InterpolationKeyError,
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from etcd_factory.errors import suggestion

from .fields import is_mapping
from .interpolation import FUNCTION, VARIABLE, keys_of, references, target
from .names import canonical
from .secret import is_secret

UNSET = "environment variable {name} is not set; set it, or write a default: ${{oc.env:{name},default}}"
FAILED = re.compile(r"^(?P<kind>\w+) raised while resolving interpolation: (?P<reason>.*)", re.DOTALL)
CIRCLES = ("Recursive interpolation", "Interpolation to parent node")
REASONS: dict[type[Exception], str] = {
    MissingMandatoryValue: "a required value is missing (???)",
    InterpolationToMissingValueError: "refers to a required value that is missing (???)",
    InterpolationKeyError: "refers to a key that does not exist",
    UnsupportedInterpolationType: "uses a resolver that is not registered",
    GrammarParseError: r"not a valid interpolation; write \${ for the text ${",
}

Keys = tuple[str, ...]


def reason(error: Exception, parent: Any, key: Any) -> str:
    """Return why the value of a key in a tree cannot be resolved."""
    at = (*keys_of(parent._get_full_key("")), str(key))
    text = str(parent._get_node(key)._value())
    general = general_reason(error, text)
    if is_below_secret(at):
        return f"{general}; the text of a secret is not shown"
    return next(details(error, text, parent._get_root(), at), general)


def is_below_secret(at: Keys) -> bool:
    """Whether a key of the path is that of a secret; a client's name is not a key."""
    return any(is_secret(key) and canonical(above) != "clients" for above, key in zip(("", *at), at, strict=False))


def general_reason(error: Exception, text: str) -> str:
    """Return the kind of problem."""
    if any(words in str(error) for words in CIRCLES):
        return "refers to itself"
    if any(unset(text)):
        return "refers to an environment variable that is not set"
    known = (words for kind, words in REASONS.items() if isinstance(error, kind))
    return next(known, "cannot be resolved")


def details(error: Exception, text: str, root: Any, at: Keys) -> Iterator[str]:
    """Yield what exactly is missing, most important first."""
    yield from (UNSET.format(name=name) for name in unset(text))
    yield from absent(text, root, at)
    functions = [found["name"] for found in FUNCTION.finditer(text)]
    if isinstance(error, UnsupportedInterpolationType) and functions:
        yield f"no resolver is registered for {text}"
    failed = FAILED.match(str(getattr(error, "msg", "")))
    if failed and not references(text) and any(name != "oc.env" for name in functions):
        yield f"{text} failed: {failed['kind']}: {failed['reason'].splitlines()[0]}"


def unset(text: str) -> Iterator[str]:
    """Yield the names of variables that a text needs and the environment does not have."""
    yield from (found["name"] for found in VARIABLE.finditer(text) if found["name"] not in os.environ)


def absent(text: str, root: Any, at: Keys) -> Iterator[str]:
    """Yield the problem for each key that a text refers to and that does not exist."""
    for found in references(text):
        keys = target(found, at)
        near = missing(root, keys)
        if near is not None:
            yield f"no such key: {'.'.join(keys)}{near}"


def missing(node: Any, keys: Keys) -> str | None:
    """Return a suggestion for the first of the keys that does not exist, None if all of them do."""
    for key in keys:
        known = {str(name): name for name in names_in(node)}
        if key not in known:
            return suggestion(key, known)
        try:
            node = node[known[key]]
        except OmegaConfBaseException:  # it exists, and cannot be resolved itself
            return None
    return None


def names_in(node: Any) -> Iterable[object]:
    """Return the keys of a mapping, or the indices of a list."""
    if is_mapping(node):
        return node
    is_sequence = isinstance(node, Sequence) and not isinstance(node, str)
    return range(len(cast("Sequence[object]", node))) if is_sequence else ()
