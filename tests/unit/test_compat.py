from __future__ import annotations

import subprocess
import sys

import pytest
import typing_extensions

from etcd_factory.compat import Self


def test_names_are_those_of_typing():
    assert Self is typing_extensions.Self


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 needs typing_extensions")
def test_a_service_is_imported_without_typing_extensions():
    program = "import sys; from etcd_factory import ETCDService; sys.exit('typing_extensions' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


MARKED = """
import sys
import etcd_factory
assert "asyncio" not in sys.modules or sys.argv[1:] == ["mock"]
from etcd_factory import AsyncETCDService, ETCDService
from unittest.mock import AsyncMock, create_autospec
AsyncETCDService()
assert isinstance(create_autospec(AsyncETCDService).mirror, AsyncMock)
assert not isinstance(create_autospec(ETCDService).mirror, AsyncMock)
"""


@pytest.mark.parametrize("first", [[], ["mock"]], ids=["asyncio later", "asyncio first"])
def test_what_opens_something_is_marked_whenever_asyncio_is_imported(first):
    code = ("import unittest.mock\n" if first else "") + MARKED
    subprocess.run([sys.executable, "-c", code, *first], check=True)
