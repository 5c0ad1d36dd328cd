"""A real browser: Chromium as Debian packages it (``apt-get install chromium``), driven by Playwright.

It asks nothing of the network but what its pages do. ``visit`` fails if a page asks for anything that is not on
127.0.0.1, so that a page that works here works offline.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAM = shutil.which("chromium")
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--force-color-profile=srgb",  # the same colors on every machine
    "--hide-scrollbars",
    "--no-first-run",
)
PHONE, DESKTOP = (390, 844), (1440, 900)  # CSS pixels: width, height


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, and end it with the block."""
    with sync_playwright() as playwright:
        # the sandbox of Chromium does not start as root
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=FLAGS, chromium_sandbox=os.geteuid() != 0)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, url: str, size: tuple[int, int] = DESKTOP, *, dark: bool = False) -> Iterator[Page]:
    """Open a page in a profile of its own, in a window of that size; ``AssertionError`` if it asked elsewhere."""
    width, height = size
    asked: list[str] = []
    with browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    ) as context:
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.goto(url)
        yield page
    assert elsewhere(asked) == []


def elsewhere(urls: list[str]) -> list[str]:
    """Return those of the URLs that another machine would answer."""
    return [url for url in urls if urlsplit(url).hostname not in (None, "127.0.0.1")]


def picture(page: Page, path: Path, *, whole: bool = False) -> None:
    """Write a PNG of what the window shows, or of the whole page, with a palette of 256 colors: a third of the size."""
    taken = Image.open(BytesIO(page.screenshot(full_page=whole, animations="disabled"))).convert("RGB")
    path.parent.mkdir(parents=True, exist_ok=True)
    taken.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def follow_changes(page: Page) -> None:
    """Open the console's view of changes, and wait until it is live: that of a key before it says so too."""
    page.get_by_role("link", name="changes").click()
    page.locator("form .live").get_by_text("live", exact=True).wait_for()
