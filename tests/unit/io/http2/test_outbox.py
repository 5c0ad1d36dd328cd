from etcd_factory.io.http2.outbox import PARTS, Outbox
from tests.support.http2 import Recorder


def queued(outbox, data=b"data"):
    """A stream as a connection queues it."""
    stream = Recorder()
    outbox.unwritten[stream] = len(outbox.parts)
    outbox.parts += [b"<", b"headers", b">", data]
    assert len(outbox.parts[-PARTS:]) == PARTS
    return stream


def test_what_is_taken_is_written():
    outbox = Outbox(b"first ")
    stream = queued(outbox)
    assert not stream.is_written
    assert outbox.take() == b"first <headers>data"
    assert stream.is_written and outbox.take() == b""


def test_a_stream_that_was_not_written_can_be_withdrawn():
    outbox = Outbox()
    first, second, third = queued(outbox), queued(outbox, b"12345"), queued(outbox)
    assert outbox.withdraw(second) == 5
    assert outbox.take() == b"<headers>data" * 2
    assert (first.is_written, second.is_written, third.is_written) == (True, False, True)


def test_what_was_written_cannot_be_withdrawn():
    outbox = Outbox()
    stream = queued(outbox)
    outbox.take()
    outbox.add(b"ping")
    assert outbox.withdraw(stream) is None
    assert outbox.take() == b"ping"


def test_what_was_sent_in_several_parts_cannot_be_withdrawn_and_counts_as_written():
    outbox = Outbox()
    stream = queued(outbox)
    outbox.split(stream)
    assert outbox.withdraw(stream) is None and stream.is_written
    assert outbox.take() == b"<headers>data"


def test_a_stream_that_was_written_is_not_split():
    outbox = Outbox()
    stream = queued(outbox)
    outbox.take()
    outbox.split(stream)
    assert outbox.unwritten == {}


def test_what_is_cleared_was_not_written():
    outbox = Outbox()
    stream = queued(outbox)
    outbox.clear()
    assert outbox.take() == b"" and not stream.is_written
