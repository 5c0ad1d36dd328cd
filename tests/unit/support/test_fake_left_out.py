"""What ``--etcd fake`` leaves out."""

import ast
from pathlib import Path

import pytest

from tests.support.fake_left_out import LEFT_OUT, reason

ROOT = Path(__file__).parents[3]
CONFORMANCE = ROOT / "tests" / "conformance"


@pytest.mark.parametrize("name", LEFT_OUT)
def test_each_entry_names_a_test_and_why_and_its_file_is_documented(name):
    file, _, test = name.partition("::")
    defined = {getattr(node, "name", "") for node in ast.parse((CONFORMANCE / file).read_text()).body}
    assert test.partition("[")[0] in defined
    assert LEFT_OUT[name]
    assert file in (ROOT / "docs" / "fakes.md").read_text()


@pytest.mark.parametrize(
    ("name", "is_left_out"),
    [
        ("tests/conformance/test_unix.py::test_raw_works_over_a_unix_socket[asyncio]", True),
        ("tests/conformance/test_unix.py::test_raw_works_over_a_unix_socket_too", False),
        ("tests/conformance/test_watch.py::test_large_events_arrive_complete[asyncio-True]", True),
        ("tests/conformance/test_watch.py::test_large_events_arrive_complete[asyncio-False]", False),
    ],
)
def test_a_test_is_found_by_its_name(name, is_left_out):
    assert bool(reason(name)) is is_left_out
