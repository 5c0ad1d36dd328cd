"""Context managers of one face, entered as those of the other one."""

from __future__ import annotations

import pytest

from etcd_factory.blocks import AsyncBlock, Block


class Blocking(Block):
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


class Awaited(AsyncBlock):
    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None


async def test_a_block_of_the_other_face_is_an_error_that_says_which_statement_to_write():
    with pytest.raises(TypeError, match=r"^Blocking blocks: enter it with 'with'$"):
        async with Blocking():
            pass
    with pytest.raises(TypeError, match=r"^Awaited is for asyncio: enter it with 'async with'$"), Awaited():
        pass


async def test_a_block_of_its_own_face_is_entered():
    with Blocking() as block:
        assert isinstance(block, Blocking)
    async with Awaited() as block:
        assert isinstance(block, Awaited)
