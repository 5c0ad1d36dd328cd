"""Runs the blocks of a document, in order, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.\w+)\n")
IMPORT = re.compile(r"^(?:from|import) ", re.MULTILINE)


def blocks(text):
    """The kind and the text of each block."""
    return BLOCK.findall(text)


def runs(kind, text):
    """Whether a block is run or written; Python that imports nothing is a fragment, of a program of the reader's."""
    return kind == "yaml" or (kind == "python" and bool(IMPORT.search(text) or NAMED.match(text)))


def run(folder, *command, **environment):
    """Run Python in the folder, to a good end."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def write(folder, text):
    """Write a block to the file that its first line names, or to a default one; returns the path."""
    named = NAMED.match(text)
    path = folder / (named[1] if named else "block.py")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def run_blocks(text, folder, endpoint):
    """Run or write every block of a document, with a server at ``$ETCD_ENDPOINT``."""
    for kind, block in blocks(text):
        if not runs(kind, block):
            continue
        path = write(folder, block)
        if path.name.startswith("test_"):
            run(folder, "-m", "pytest", "-q", path.name)
        elif kind == "python":
            run(folder, "-W", "error", path.name, ETCD_ENDPOINT=endpoint)
