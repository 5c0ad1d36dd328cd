"""A view of a client: its namespace, its timeout, and the operation that errors name."""

from __future__ import annotations

import pytest

from etcd_factory import ops
from etcd_factory.core.call.pages import FIRST
from etcd_factory.core.op import Op, Ungranted
from etcd_factory.errors import ConnectionFailedError, NoSpaceError, RequestTooLargeError
from etcd_factory.testing import replies

MANY = {f"k{number:05}": "v" for number in range(FIRST)}


async def test_keys_are_in_the_namespace_and_results_are_not(view_of):
    view, transport = view_of([replies.get({"ns/k": "v"})], b"ns/")
    found = await view.execute(ops.get("k").kv())
    assert found.key == b"k"
    assert transport.calls[0].request.key == b"ns/k"


async def test_the_timeout_is_that_of_the_view(view_of):
    view, transport = view_of([replies.put()], timeout=3.0)
    await view.execute(ops.put("k").value("v"))
    assert transport.calls[0].timeout == 3.0


async def test_an_error_names_the_operation_and_not_its_value(view_of):
    view, _ = view_of([NoSpaceError("full")])
    with pytest.raises(NoSpaceError) as caught:
        await view.execute(ops.put("k").value("hidden"))
    assert caught.value.operation == "put b'k'"
    assert "hidden" not in str(caught.value)


async def test_an_error_that_names_an_operation_keeps_it(view_of):
    error = NoSpaceError("full")
    error.operation = "something else"
    view, _ = view_of([error])
    with pytest.raises(NoSpaceError, match="something else"):
        await view.execute(ops.put("k").value("v"))


async def test_a_paged_read_is_fetched_in_pages_of_one_revision(view_of):
    steps = [replies.get(MANY, revision=7, more=True), replies.get({"z": "v"}, revision=9)]
    view, transport = view_of(steps)
    assert await view.execute(ops.get_all().keys()) == [*MANY, "z"]
    assert [call.request.revision for call in transport.calls] == [0, 7]


async def test_an_operation_with_a_lease_that_is_not_granted_is_built_again_after_the_grant(view_of):
    granted = []

    class Lease:
        id = None

        def __index__(self):
            if not granted:
                raise Ungranted(self.grant)
            return granted[0]

        async def grant(self):
            granted.append(7)

    view, transport = view_of([replies.put()])
    await view.execute(ops.put("k").lease(Lease()).value("v"))
    assert [call.request.lease for call in transport.calls] == [7]


async def test_what_the_grant_raises_is_raised(view_of):
    class Lease:
        id = None

        def __index__(self):
            raise Ungranted(self.grant)

        async def grant(self):
            raise ConnectionFailedError("no lease")

    view, transport = view_of([])
    with pytest.raises(ConnectionFailedError, match="no lease"):
        await view.execute(ops.put("k").lease(Lease()).value("v"))
    assert transport.calls == []


async def test_pages_are_fetched_one_by_one_in_the_namespace(view_of):
    view, transport = view_of([replies.get({"ns/k": "v"}, more=True)], b"ns/")
    pages = view.pages(ops.get_all().op().fields)
    assert pages.skip == 3
    assert [kv.key for kv in (await pages.next()).kvs] == [b"ns/k"]
    assert [call.request.range_end for call in transport.calls] == [b"ns0"]


async def test_the_error_of_a_page_names_the_read(view_of):
    view, _ = view_of([NoSpaceError("odd")])
    with pytest.raises(NoSpaceError) as caught:
        await view.pages(ops.get_all().prefix("p").op().fields).next()
    assert caught.value.operation == "get b'p'"


async def test_it_has_the_face_of_its_runtime_and_shows_its_endpoint(view_of, clock):
    view, _ = view_of([], hosts=["a:1"])
    assert (view.face, str(view)) == (clock.face, "a:1")


async def test_an_operation_reads_its_reply_with_the_length_of_the_namespace(view_of):
    view, _ = view_of([replies.get()], b"ns/")
    assert await view.execute(Op("get", {"key": b"k"}, lambda reply, skip: skip)) == 3


# --- requests that are too large

TOO_LARGE = replies.server_error("etcdserver: request is too large")
MANY_OPS = replies.server_error("etcdserver: too many operations in txn request")


async def test_a_request_that_is_too_large_says_how_large_it_is(view_of):
    view, transport = view_of([TOO_LARGE])
    with pytest.raises(RequestTooLargeError) as caught:
        await view.execute(ops.put("k").value("v" * 2000))
    size = transport.calls[0].request.ByteSize()
    assert f"request is too large; the request has {size:,} bytes" in str(caught.value)
    assert size > 2000


@pytest.mark.parametrize("error", [TOO_LARGE, MANY_OPS], ids=["bytes", "operations"])
async def test_a_transaction_that_is_too_large_says_how_many_operations_it_has(view_of, error):
    view, _ = view_of([error])
    branch = [ops.put(f"k{number}").value("v") for number in range(3)]
    with pytest.raises(RequestTooLargeError, match=r"the request has [0-9]+ bytes and 3 operations"):
        await view.execute(ops.if_("k", "version", "==", 0).then(*branch).else_(ops.get("k").string()).op())


async def test_another_error_says_nothing_of_sizes(view_of):
    view, _ = view_of([NoSpaceError("full")])
    with pytest.raises(NoSpaceError) as caught:
        await view.execute(ops.put("k").value("v"))
    assert "bytes" not in str(caught.value)
