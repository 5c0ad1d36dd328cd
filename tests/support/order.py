"""In which order the modules run: those of each folder spread evenly over the whole.

So those that wait, for servers that are away, and those that compute run side by side on different workers, and none of
either kind is left for the end. The tests of a module stay together, since they share what they start.
"""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent.parent


def spread(items):
    """Return the tests in that order."""
    modules, folders = {}, {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    for path in modules:
        folders.setdefault(folder_of(path), []).append(path)
    places = {path: place for paths in folders.values() for path, place in placed(paths, modules)}
    return [item for path in sorted(modules, key=places.__getitem__) for item in modules[path]]


def folder_of(path):
    """Return the folder directly below that of all tests; that one itself for what is in none."""
    return next((folder for folder in path.parents if folder.parent == TESTS), TESTS)


def placed(paths, modules):
    """Yield each module of a folder with the share of the folder's tests that come before it."""
    before, total = 0, sum(len(modules[path]) for path in paths)
    for path in paths:
        yield path, before / total
        before += len(modules[path])
