"""The members of the cluster."""

from __future__ import annotations

import pytest

from etcd_factory.core.admin.cluster import id_of, urls
from etcd_factory.errors import ConnectionFailedError, PreconditionError, UnhealthyClusterError
from etcd_factory.model.cluster import Member
from etcd_factory.testing import replies
from tests.support.faces import settle

ONE = Member(7, "one", ("http://a:2380",), ("http://a:2379",), False)
FIELDS = {"ID": 7, "name": "one", "peerURLs": ["http://a:2380"], "clientURLs": ["http://a:2379"]}


def test_peer_urls_are_one_text_or_several():
    assert (urls("http://a:1"), urls(["http://a:1", "http://b:1"])) == (["http://a:1"], ["http://a:1", "http://b:1"])


@pytest.mark.parametrize("given", ["", ["http://a:1", ""], [7]])
def test_a_peer_url_is_a_text(given):
    with pytest.raises((TypeError, ValueError), match="a peer URL must"):
        urls(given)


def test_a_member_is_meant_by_its_id_or_itself():
    assert (id_of(7), id_of(ONE)) == (7, 7)
    with pytest.raises(TypeError, match="a member id must be an int"):
        id_of("one")


async def test_the_members_are_listed_as_a_majority_knows_them(connect):
    client, transport = connect([replies.of("MemberList", members=[FIELDS])])
    assert await settle(client.cluster.members()) == (ONE,)
    assert transport.calls[0].request.linearizable


@pytest.mark.parametrize("learner", [True, False])
async def test_a_member_is_added(connect, learner):
    client, transport = connect([replies.of("MemberAdd", member=FIELDS)])
    assert await settle(client.cluster.add("http://a:2380", learner=learner)) == ONE
    request = transport.calls[0].request
    assert (list(request.peerURLs), request.isLearner) == (["http://a:2380"], learner)


@pytest.mark.parametrize(
    ("method", "call", "operation"),
    [
        ("MemberUpdate", lambda cluster: cluster.update(ONE, "http://b:1"), "cluster update 7"),
        ("MemberRemove", lambda cluster: cluster.remove(255), "cluster remove ff"),
        ("MemberPromote", lambda cluster: cluster.promote(ONE), "cluster promote 7"),
    ],
)
async def test_a_change_makes_one_call_and_its_error_names_the_member(connect, method, call, operation):
    client, transport = connect({method: [replies.of(method), PreconditionError("no")]})
    assert await settle(call(client.cluster)) is None
    assert int(operation.split()[-1], 16) == transport.calls[0].request.ID
    with pytest.raises(PreconditionError) as caught:
        await settle(call(client.cluster))
    assert caught.value.operation == operation


async def test_a_change_is_never_retried(connect):
    client, transport = connect({"MemberRemove": replies.lost()}, hosts=["a:1", "b:1"])
    with pytest.raises(ConnectionFailedError) as caught:
        await settle(client.cluster.remove(7))
    assert (caught.value.maybe_applied, len(transport.calls)) == (True, 1)


async def test_without_a_majority_nothing_is_changed(connect):
    client, _ = connect([replies.server_error("etcdserver: unhealthy cluster")])
    with pytest.raises(UnhealthyClusterError):
        await settle(client.cluster.add("http://a:2380"))


async def test_sync_uses_the_members_from_then_on(connect):
    members = replies.of("MemberList", members=[{"clientURLs": ["http://b:1"]}])
    client, transport = connect([members, replies.get()], hosts=["a:1"])
    assert await settle(client.cluster.sync()) == ("http://b:1",)
    await settle(client.get("k").string())
    assert transport.calls[1].host == "http://b:1"


async def test_an_error_of_sync_says_what_was_asked(connect):
    client, _ = connect([replies.of("MemberList")])
    with pytest.raises(ConnectionFailedError, match="no member advertises a usable client URL") as caught:
        await settle(client.cluster.sync())
    assert caught.value.operation == "cluster sync"
