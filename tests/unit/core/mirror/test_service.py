"""The part of a service that keeps ranges in memory."""

from __future__ import annotations

import pytest

from etcd_factory.core.mirror.mirror import Mirror
from etcd_factory.testing import replies
from tests.support.faces import closed, settle


async def test_a_mirror_is_loaded_before_it_is_returned(connect):
    client, _ = connect({"Range": replies.get({"p/a": "1"}, revision=3), "Watch": replies.watch(revision=3)})
    mirror = await settle(client.mirror("p/"))
    assert isinstance(mirror, Mirror)
    assert (mirror.face, list(mirror)) == (client.face, [b"p/a"])
    await closed(client)


@pytest.mark.parametrize(("prefix", "options"), [(1, {}), ("p/", {"history": -1}), ("p/", {"history": "many"})])
async def test_what_is_no_prefix_or_no_number_is_refused_before_the_first_call(connect, prefix, options):
    client, transport = connect([])
    with pytest.raises((TypeError, ValueError)):
        await settle(client.mirror(prefix, **options))
    assert transport.calls == []
