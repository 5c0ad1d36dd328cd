"""Reading a program's log while it is written."""

import os

import pytest

from etcd_factory.testing.log_tail import SHOWN_LINES, LogTail

MARKER = "ready to serve"
BOUND = 10  # seconds that nothing here takes


@pytest.fixture
def pipe():
    """Both ends of a pipe; the reading end belongs to the tail."""
    out, into = os.pipe()
    with os.fdopen(into, "w", buffering=1) as writer:
        yield os.fdopen(out), writer


@pytest.fixture
def tail(pipe):
    reader, writer = pipe
    tail = LogTail(reader, MARKER)
    yield tail
    writer.close()
    tail.join(BOUND)


@pytest.fixture
def writer(pipe):
    return pipe[1]


def test_the_marker_is_found_in_the_middle_of_a_line(tail, writer):
    writer.write(f"starting\ninfo: {MARKER} requests\n")
    assert tail.wait_for_marker(BOUND)
    assert tail.found


def test_waiting_ends_with_the_log(tail, writer):
    writer.write("bye\n")
    writer.close()
    assert not tail.wait_for_marker(BOUND)
    tail.join(BOUND)
    assert tail.text() == "bye"


def test_waiting_ends_with_the_timeout(tail):
    assert not tail.wait_for_marker(0.01)


def test_the_last_lines_are_kept(tail, writer):
    writer.writelines(f"{number}\n" for number in range(1000))
    writer.close()
    tail.join(BOUND)
    assert tail.text().splitlines() == [str(number) for number in range(1000 - SHOWN_LINES, 1000)]


def test_the_usage_text_is_cut_off(tail, writer):
    writer.write("flag provided but not defined\nUsage:\n  etcd [flags]\n")
    writer.close()
    tail.join(BOUND)
    assert tail.text() == "flag provided but not defined"
