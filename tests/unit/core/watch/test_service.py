"""The part of a service that watches."""

from __future__ import annotations

import pytest

from etcd_factory.core.watch.builder import Watch


async def test_a_watch_is_of_the_same_face_and_makes_no_call(connect):
    client, transport = connect([])
    watch = client.watch()
    assert (isinstance(watch, Watch), watch.face, transport.calls) == (True, client.face, [])


async def test_a_key_in_the_wrong_place_is_an_error_that_shows_the_right_one(connect):
    client, _ = connect([])
    with pytest.raises(TypeError, match=r"watch\(\)\.key\('k'\)\.create\(\)"):
        client.watch("k")
