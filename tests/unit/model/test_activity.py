"""What hooks get."""

from __future__ import annotations

import pytest

from etcd_factory import Attempt, Call
from etcd_factory.wire import messages

TWO = (Attempt("a:1", 0.0, 0.1), Attempt("b:1", 0.2, 0.1))
REQUESTS = {
    "Range": (messages.RangeRequest(key=b"k/1"), b"k/1"),
    "Put": (messages.PutRequest(key=b"k/1", value=b"hidden"), b"k/1"),
    "DeleteRange": (messages.DeleteRangeRequest(key=b"k/1"), b"k/1"),
    "Txn": (messages.TxnRequest(), None),
    "UserAdd": (messages.AuthUserAddRequest(name="k/1", password="hidden"), None),
}


@pytest.mark.parametrize(("attempts", "endpoint", "retries"), [((), "", 0), (TWO[:1], "a:1", 0), (TWO, "b:1", 1)])
def test_the_host_of_a_call_is_that_of_its_last_attempt(attempts, endpoint, retries):
    call = Call("KV", "Put", attempts, 0.3)
    assert (call.endpoint, call.retries) == (endpoint, retries)


@pytest.mark.parametrize("method", REQUESTS)
def test_a_call_has_the_key_of_one_that_has_a_single_one_and_shows_nothing_of_its_request(method):
    request, key = REQUESTS[method]
    call = Call("KV", method, (), 0.1, request=request)
    assert call.key == key
    assert "hidden" not in repr(call)
    assert "k/1" not in repr(call)
