"""The part of a service that administers its cluster."""

from __future__ import annotations

import pytest

from etcd_factory.core.admin.auth import Auth, Role, User
from etcd_factory.core.admin.cluster import Cluster
from etcd_factory.core.admin.maintenance import Maintenance
from etcd_factory.errors import CompactedError
from etcd_factory.testing import replies
from tests.support.faces import settle


async def test_its_parts_are_of_the_same_face_and_make_no_call(connect):
    client, transport = connect([])
    parts = [client.role("r"), client.user("u"), client.auth, client.cluster, client.maintenance]
    kinds = [Role, User, Auth, Cluster, Maintenance]
    assert [isinstance(part, kind) for part, kind in zip(parts, kinds, strict=True)] == [True] * 5
    assert {part.face for part in parts} == {client.face}
    assert transport.calls == []


async def test_roles_and_users_are_listed_by_name(connect):
    steps = [replies.of("RoleList", roles=["root", "reader"]), replies.of("UserList", users=["alice"])]
    client, _ = connect(steps)
    assert await settle(client.roles()) == ["root", "reader"]
    assert await settle(client.users()) == ["alice"]


@pytest.mark.parametrize("physical", [True, False])
async def test_history_is_compacted_before_a_revision(connect, physical):
    client, transport = connect([replies.of("Compact")])
    await settle(client.compact(7, physical))
    assert (transport.calls[0].request.revision, transport.calls[0].request.physical) == (7, physical)


async def test_an_error_of_compacting_says_what_was_asked(connect):
    client, _ = connect([CompactedError()])
    with pytest.raises(CompactedError) as caught:
        await settle(client.compact(7))
    assert caught.value.operation == "compact 7"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda client: client.role(""), ValueError, "a role's name must not be empty"),
        (lambda client: client.user(b"u"), TypeError, "a user's name must be a str"),
    ],
)
async def test_a_wrong_name_is_an_error_at_once(connect, call, error, text):
    client, _ = connect([])
    with pytest.raises(error, match=text):
        call(client)


async def test_a_wrong_revision_is_an_error_without_a_call(connect):
    client, transport = connect([])
    with pytest.raises(ValueError, match="a revision must not be negative"):
        await settle(client.compact(-1))
    assert transport.calls == []
