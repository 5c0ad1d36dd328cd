"""A browser, and pages of this package in it."""

from __future__ import annotations

import pytest

from tests.support.browser import PROGRAM, chromium
from tests.support.consoles import console_config, console_options, running, stored  # noqa: F401


@pytest.fixture(scope="module")
def browser():
    """A browser for one module: while Playwright runs, no other event loop can run in its thread."""
    if PROGRAM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with chromium() as one:
        yield one
