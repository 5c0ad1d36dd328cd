"""Calls that end otherwise than by etcd's reply: of a write that etcd has applied no error says that it was not."""

from __future__ import annotations

from itertools import count, product

import pytest

from etcd_factory import errors, ops
from tests.support.faces import failure, settle
from tests.support.replacing import ReplacingProxy, reset, trailers

LIMIT = 100_000  # bytes of a message that the client receives
LEASES = count(1)  # their ids
TTL = 600  # seconds; nothing expires during a test
RESETS = {
    "NO_ERROR": 0,
    "PROTOCOL_ERROR": 1,
    "INTERNAL_ERROR": 2,
    "FLOW_CONTROL_ERROR": 3,
    "SETTINGS_TIMEOUT": 4,
    "STREAM_CLOSED": 5,
    "FRAME_SIZE_ERROR": 6,
    "REFUSED_STREAM": 7,
    "CANCEL": 8,
    "COMPRESSION_ERROR": 9,
    "CONNECT_ERROR": 10,
    "ENHANCE_YOUR_CALM": 11,
    "INADEQUATE_SECURITY": 12,
    "HTTP_1_1_REQUIRED": 13,
}
STATUSES = {"CANCELLED": 1, "UNKNOWN": 2, "RESOURCE_EXHAUSTED": 8, "ABORTED": 10, "INTERNAL": 13, "DATA_LOSS": 15}
ENDS = {
    **{name: reset(code) for name, code in RESETS.items()},
    **{name: trailers(grpc_status=str(code)) for name, code in STATUSES.items()},
    "no message": trailers(grpc_status="0"),
    "HTTP 403": trailers(status="403", content_type="text/html"),
    "HTTP 504": trailers(status="504", content_type="text/html"),
}
CODES = {
    "INADEQUATE_SECURITY": "PERMISSION_DENIED",
    "HTTP 403": "PERMISSION_DENIED",
    "ENHANCE_YOUR_CALM": "RESOURCE_EXHAUSTED",
    "REFUSED_STREAM": "UNAVAILABLE",
    "CANCEL": "CANCELLED",
    "HTTP 504": "UNAVAILABLE",
    **{name: name for name in STATUSES},
}  # else INTERNAL
MISLEADING = ("INADEQUATE_SECURITY", "ENHANCE_YOUR_CALM", "DATA_LOSS", "ABORTED")
WRITES = {
    "put": lambda client: client.put("k").value("v"),
    "delete": lambda client: client.delete().key("old"),
    "txn": lambda client: client.if_("k", "version", "==", 0).then(ops.put("k").value("v")).commit(),
    "grant": lambda client: client.lease(TTL, id=next(LEASES)).grant(),
}


@pytest.fixture
def proxy(server):
    """A proxy that ends calls in its own way."""
    with ReplacingProxy(server.endpoint) as one:
        yield one


async def state(client):
    """Return what the writes change."""
    return await settle(client.get_all().strings()), await settle(client.leases())


@pytest.mark.parametrize(
    ("write", "end"), [("put", end) for end in ENDS if end not in MISLEADING] + [*product(WRITES, MISLEADING)]
)
async def test_a_write_that_was_applied_may_have_been_applied_however_its_call_ends(
    proxied, direct, proxy, write, end, is_grpc
):
    if end == "REFUSED_STREAM" and not is_grpc:
        pytest.skip("a refused stream was not processed (RFC 9113, 8.7): the call is sent again")
    await settle(direct.put("old").value("v"))
    await settle(proxied.get("k").exists())
    before = await state(direct)
    proxy.arm(ENDS[end])
    error = await failure(lambda: WRITES[write](proxied))
    assert await state(direct) != before
    assert (error.code, error.maybe_applied, error.attempts) == (CODES.get(end, "INTERNAL"), True, 1)


@pytest.mark.parametrize("end", MISLEADING)
async def test_a_read_is_never_applied(proxied, proxy, end):
    await settle(proxied.get("k").exists())
    proxy.arm(ENDS[end])
    error = await failure(proxied.get("k").string)
    assert (error.code, error.maybe_applied) == (CODES[end], False)


OVERSIZED = {
    "put().previous()": lambda client: client.put("k").previous().value("v"),
    "delete().previous()": lambda client: client.delete().previous().key("k"),
    "put and get in a transaction": lambda client: (
        client.if_("k", "version", ">", 0).then(ops.get("k").kv(), ops.put("k").value("v")).commit()
    ),
}


@pytest.mark.parametrize("write", OVERSIZED.values(), ids=OVERSIZED)
async def test_a_write_whose_reply_is_too_large_may_have_been_applied(make, server, direct, write):
    client = make(server.endpoint, transport="grpc", grpc_options={"grpc.max_receive_message_length": LIMIT})
    await settle(direct.put("k").value("x" * 2 * LIMIT))
    error = await failure(lambda: write(client), errors.ResponseTooLargeError)
    assert await settle(direct.get("k").string()) in ("v", None)
    assert (error.maybe_applied, error.attempts) == (True, 1)
