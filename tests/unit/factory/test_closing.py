"""What fails while a factory is closed, beside the error that ended its block."""

from __future__ import annotations

import sys

import pytest

from etcd_factory.errors import CloseError
from tests.support.boxes import THREE, failing
from tests.support.faces import is_async


async def leave(factory, error):
    """Leave a factory's block, ended by an error or by its last line."""
    arguments = (type(error), error, None) if error else (None, None, None)
    return await factory.__aexit__(*arguments) if is_async(factory) else factory.__exit__(*arguments)


async def test_the_error_that_ended_the_block_is_raised_and_what_failed_in_closing_is_noted(make, caplog):
    factory, body = await make(THREE, on_destroy=failing("a")), ValueError("body")
    assert not await leave(factory, body)
    assert "closing 'a' failed: RuntimeError('no a')" in caplog.text
    assert sys.version_info < (3, 11) or body.__notes__ == [text_of(caplog)]


def text_of(caplog):
    """The message of the only line that was logged."""
    (record,) = [one for one in caplog.records if one.name == "etcd_factory.factory" and one.levelname == "WARNING"]
    return record.getMessage()


async def test_without_an_error_in_the_block_that_of_closing_is_raised(make):
    factory = await make(THREE, on_destroy=failing("a"))
    with pytest.raises(CloseError):
        await leave(factory, None)
