from __future__ import annotations

import pytest

from etcd_factory.console import pool
from etcd_factory.console.pool import Pool


@pytest.fixture
async def registry(fake):
    async with fake.afactory({"client": {}}) as factory:
        yield factory.registry()


async def test_a_view_is_kept(registry):
    views = Pool()
    one = await views.view((registry, "a", None))
    assert await views.view((registry, "a", None)) is one
    assert await views.view((registry, "a", "random")) is not one


async def test_the_one_that_was_not_used_for_longest_is_closed(registry, monkeypatch):
    monkeypatch.setattr(pool, "MOST", 2)
    views = Pool()
    one, two = [await views.view((registry, name, None)) for name in ("a", "b")]
    await views.view((registry, "a", None))
    await views.view((registry, "c", None))
    assert await views.view((registry, "a", None)) is one
    assert await views.view((registry, "b", None)) is not two
