"""Context managers of one face: entered as those of the other one they say which statement to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn


class Block:
    """A context manager of the blocking face: ``async with`` is an error that says so."""

    __slots__ = ()

    if not TYPE_CHECKING:  # type checkers report it by themselves

        def __aenter__(self, *_: object) -> NoReturn:
            raise TypeError(f"{type(self).__name__} blocks: enter it with 'with'")

        __aexit__ = __aenter__  # Python looks for both before it calls the first


class AsyncBlock:
    """A context manager of the asyncio face: ``with`` is an error that says so."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __enter__(self, *_: object) -> NoReturn:
            raise TypeError(f"{type(self).__name__} is for asyncio: enter it with 'async with'")

        __exit__ = __enter__
