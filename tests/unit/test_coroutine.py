from __future__ import annotations

import pytest

from etcd_factory.coroutine import finish


class Never:
    def __await__(self):
        yield


async def answer():
    return 42


async def fails():
    raise KeyError("x")


async def waits():
    await Never()


def test_the_result_of_a_coroutine_is_returned():
    assert finish(answer()) == 42


def test_the_error_of_a_coroutine_is_raised():
    with pytest.raises(KeyError, match="x"):
        finish(fails())


def test_a_coroutine_that_waits_is_an_error_that_names_it():
    with pytest.raises(RuntimeError, match=r"waits.* waited for an event loop in the blocking face"):
        finish(waits())
