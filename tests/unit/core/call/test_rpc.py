"""Calls that are no operations on keys: their label, and the host that is meant by an endpoint."""

from __future__ import annotations

import pytest

from etcd_factory.core.call import rpc
from etcd_factory.errors import EtcdError, NoSpaceError
from etcd_factory.testing import replies
from etcd_factory.wire import methods

HOSTS = ["http://a:1", "http://b:1", "unix:///run/etcd.sock"]


def test_an_error_in_a_labelled_block_has_the_operation():
    with pytest.raises(EtcdError) as caught, rpc.labelled("compact 5"):
        raise NoSpaceError("full")
    assert caught.value.operation == "compact 5"


def test_the_innermost_label_counts():
    with pytest.raises(EtcdError) as caught, rpc.labelled("outer"), rpc.labelled("inner"):
        raise NoSpaceError("full")
    assert caught.value.operation == "inner"


async def test_a_call_is_built_from_fields_and_has_the_views_timeout(view_of):
    view, transport = view_of([replies.of("Compact")], timeout=3.0)
    await rpc.call(view, "compact 5", methods.COMPACT, revision=5)
    assert (transport.calls[0].request.revision, transport.calls[0].timeout) == (5, 3.0)


async def test_the_error_of_a_call_has_its_label(view_of):
    view, _ = view_of([NoSpaceError("full")])
    with pytest.raises(NoSpaceError) as caught:
        await rpc.call(view, "compact 5", methods.COMPACT, revision=5)
    assert caught.value.operation == "compact 5"


async def test_a_call_to_an_endpoint_goes_there_and_returns_its_endpoint(view_of):
    view, transport = view_of([replies.of("Status", version="3.5.1")], hosts=HOSTS)
    reply, endpoint = await rpc.call_endpoint(view, "status", methods.STATUS, "b:1")
    assert (reply.version, endpoint, transport.calls[0].host) == ("3.5.1", "b:1", "http://b:1")


async def test_a_call_to_no_endpoint_in_particular_goes_to_the_host_in_use(view_of):
    view, _ = view_of([replies.of("Status")], hosts=HOSTS)
    assert (await rpc.call_endpoint(view, "status", methods.STATUS, None))[1] == "a:1"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("b:1", "http://b:1"),
        ("http://b:1", "http://b:1"),
        ("/run/etcd.sock", "unix:///run/etcd.sock"),
        ("unix:///run/etcd.sock", "unix:///run/etcd.sock"),
        (None, ""),
    ],
)
async def test_an_endpoint_is_written_as_hosts_are(view_of, endpoint, url):
    view, _ = view_of([], hosts=HOSTS)
    assert await rpc.url_of(view, endpoint) == url


@pytest.mark.parametrize("endpoint", ["c:1", "https://b:1", "b:2", "", "not a host"])
async def test_an_unknown_endpoint_is_an_error_that_lists_the_hosts(view_of, endpoint):
    view, transport = view_of([], hosts=["a:1", "b:1"])
    with pytest.raises(ValueError, match="this client's hosts are http://a:1, http://b:1"):
        await rpc.url_of(view, endpoint)
    assert transport.calls == []


async def test_a_default_port_may_be_left_out(view_of):
    view, _ = view_of([], hosts=["a"])
    assert await rpc.url_of(view, "a") == "http://a:2379"
