"""Which tests ``pytest -m quick`` runs: those of modules that start nothing and generate nothing."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent.parent
ALSO = frozenset(TESTS / f"test_{name}.py" for name in ("anchors", "exports", "tree"))
# What a module names that starts a server or an interpreter, forks, or generates examples.
SLOW = re.compile(
    r"\b(etcd_(server|cluster|namespace)|EtcdServer|EtcdCluster|docker|subprocess|multiprocessing|pytester|fork\w*"
    r"|given|RuleBasedStateMachine)\b"
)


@cache
def is_quick(module):
    """Whether the tests of a module, given by its path, are quick."""
    return module in ALSO or (TESTS / "unit" in module.parents and not SLOW.search(module.read_text()))


def is_left_out(path, config):
    """Whether a path need not be collected, as only quick tests are to run and it has none."""
    return config.option.markexpr == "quick" and path.name.startswith("test_") and not is_quick(path)
