"""The JSON Schema of configuration files as a document: ``python -m tests.support.schema_file`` writes the file."""

from __future__ import annotations

import json
from pathlib import Path

from etcd_factory import config_schema

PATH = Path(__file__).parents[2] / "docs" / "etcd.schema.json"


def generated() -> str:
    """Return the text of the file."""
    return json.dumps(config_schema(), indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(generated())
