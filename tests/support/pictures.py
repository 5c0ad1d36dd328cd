"""Pictures of the documentation site, of a phone's and a desktop's width, light and dark.

``python -m tests.support.pictures`` builds the site and writes them to ``docs/pictures``; with a folder as its argument
it writes those of every page there, whole, to look at.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from .browser import DESKTOP, PHONE, chromium, picture, visit
from .site import ROOT, build, pages, serve

FOLDER = ROOT / "docs" / "pictures"
SIZES = {"phone": PHONE, "desktop": DESKTOP}
MODES = {"light": False, "dark": True}
# What is kept: the page, the size, the mode.
KEPT = (
    ("index.html", "desktop", "light"),
    ("index.html", "phone", "dark"),
    ("options.html#a-client", "phone", "light"),
    ("reference/clients.html", "desktop", "dark"),
    ("benchmarks.html#throughput-and-latency", "desktop", "light"),
)


def name_of(shot: tuple[str, str, str]) -> str:
    """Return the name of the file of a picture."""
    place, size, mode = shot
    return f"{place.partition('#')[0].removesuffix('.html').replace('/', '-')}-{size}-{mode}.png"


def take(browser: Browser, address: str, shot: tuple[str, str, str], folder: Path, *, whole: bool = False) -> None:
    """Take one picture."""
    place, size, mode = shot
    with visit(browser, f"{address}/{place}", SIZES[size], dark=MODES[mode]) as page:
        picture(page, folder / name_of(shot), whole=whole)


def every(site: Path) -> list[tuple[str, str, str]]:
    """Return a picture of every page in every size and mode."""
    places = [path.relative_to(site).as_posix() for path in pages(site)]
    return [(place, size, mode) for place in places for size in SIZES for mode in MODES]


def main(folder: str = "") -> None:
    """Take the pictures that are kept, or all of them into a folder."""
    with TemporaryDirectory() as built:
        build(Path(built))
        shots = every(Path(built)) if folder else KEPT
        with serve(Path(built)) as address, chromium() as browser:
            for shot in shots:
                take(browser, address, shot, Path(folder) if folder else FOLDER, whole=bool(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
