"""One body in three faces."""

import asyncio

import pytest

from etcd_factory import ops
from etcd_factory.core.face import Unrun, finish
from etcd_factory.core.op import Op


async def test_finish_gives_what_a_coroutine_that_never_waits_returns():
    async def body():
        return 7

    assert finish(body()) == 7


async def test_finish_lets_the_errors_of_the_body_through():
    async def body():
        raise KeyError("k")

    with pytest.raises(KeyError):
        finish(body())


async def test_finish_raises_where_a_coroutine_waits_for_an_event_loop():
    async def body():
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match=r"body.* waited for an event loop"):
        finish(body())


async def test_finish_closes_a_coroutine_that_waits():
    closed = []

    async def body():
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError):
        finish(body())
    assert closed == [True]


def test_an_unbound_terminal_gives_the_operation():
    op = ops.put("k").value("v")
    assert isinstance(op, Op)
    assert (op.kind, op.fields) == ("put", {"key": b"k", "value": b"v"})


def test_the_label_of_an_operation_names_its_key_and_not_its_value():
    label = ops.put("k").value("hidden").label
    assert "put" in label
    assert "'k'" in label
    assert "hidden" not in label


def test_unbound_builders_can_not_be_iterated_over():
    with pytest.raises(TypeError, match="ops only describe operations"):
        list(ops.get_all())


def test_the_unbound_runner_gives_back_the_operation_it_is_given():
    op = ops.get("k").string()
    assert Unrun()(op) is op


def test_a_terminal_keeps_the_name_and_the_text_of_its_body():
    terminal = type(ops.get("k")).string
    assert terminal.__name__ == "string"
    assert terminal.__doc__.startswith("The value as text")
