"""Interrupts at every place of a call, one after another: where CPython looks for signals, Ctrl-C may come."""

from __future__ import annotations

import sys
from inspect import CO_GENERATOR

from attrs import define

PLACES = ("call", "c_return")  # the begin of a function, and the return of one in C; loops aside, it looks nowhere else


@define(eq=False)
class Place:
    """Raises ``KeyboardInterrupt`` at so many places after its begin, in modules of this package and this thread."""

    number: int
    prefix: str = "etcd_factory"
    where: str = ""  # afterwards, where it was; empty if the block ended before
    _passed: int = 0
    _outer: object = None

    def __enter__(self):
        self._outer = sys.getprofile()
        sys.setprofile(self._see)
        return self

    def __exit__(self, kind, *_):
        sys.setprofile(self._outer)
        return kind is KeyboardInterrupt

    def _see(self, frame, event, arg):
        if event not in PLACES or not frame.f_globals.get("__name__", "").startswith(self.prefix):
            return
        if frame.f_code.co_flags & CO_GENERATOR:  # perhaps as it is dropped, where nobody hears of an interrupt
            return
        self._passed += 1
        if self._passed == self.number:
            sys.setprofile(self._outer)
            self.where = f"{frame.f_globals['__name__']}:{frame.f_lineno} in {frame.f_code.co_name}"
            raise KeyboardInterrupt


def places(most):
    """Yield a place after another until a block has none left; fails beyond ``most``."""
    for number in range(1, most):
        yield (one := Place(number))
        if not one.where:
            return
    raise AssertionError(f"more than {most} places")
