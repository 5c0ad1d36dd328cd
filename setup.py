"""The description on the package's index page: its links to files of the repository become the names of the files.

All other metadata is in setup.cfg.
"""

import re
from pathlib import Path

from setuptools import setup

FILE_LINK = re.compile(r"\[([^\]]+)\]\((?!\w+:)([^)#]+)[^)]*\)")


def named(link: "re.Match[str]") -> str:
    """Return a link as text, with the name of its file."""
    text, path = link.groups()
    return f"`{path}`" if path.startswith(text.rstrip("/")) else f"{text} (`{path}`)"


readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
setup(long_description=FILE_LINK.sub(named, readme))
