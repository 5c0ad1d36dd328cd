"""Where in a file a value is written: the line of its key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from etcd_factory.options.names import canonical

from .explain import Explanation

READ = (".yaml", ".yml", ".json")  # JSON is YAML


def placed(explanation: Explanation) -> list[dict[str, object]]:
    """Return each key of a configuration with its value, secrets masked, and its place."""
    return [
        {"key": key, "value": row.value, "place": place(row.layer, key.split("."))} for key, row in explanation.items()
    ]


def place(label: str, path: Sequence[str]) -> str:
    """Return ``file:line`` for a value that a layer set, or the layer's name if it is no such file."""
    file = Path(label)
    if file.suffix not in READ or not file.is_file():
        return label
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, OSError, ValueError):
        return label
    line = line_of(node, path)
    return label if line is None else f"{label}:{line}"


def line_of(node: yaml.Node | None, path: Sequence[str]) -> int | None:
    """Return the line of the deepest key of the path that a document has; keys may be written in two ways."""
    found: int | None = None
    for name in path:
        keys: list[tuple[yaml.Node, yaml.Node]] = node.value if isinstance(node, yaml.MappingNode) else []
        pairs = [(key, value) for key, value in keys if name_of(key) in (name, canonical(name))]
        if not pairs:
            break
        key, node = pairs[-1]
        found = key.start_mark.line + 1
    return found


def name_of(key: yaml.Node) -> str:
    """Return a key as options are named."""
    text = str(key.value)
    return canonical(text)
