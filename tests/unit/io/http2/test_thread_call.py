"""A call and the thread that waits for it."""

from time import monotonic

from etcd_factory.io.http2.thread_call import ThreadCall
from tests.support.h2_server import BOUND, in_thread


def call(*, is_stream=False):
    made = ThreadCall("etcd:2379", None, monotonic(), monotonic() + BOUND)
    made.refill = not is_stream
    return made


def test_a_thread_that_waits_is_woken():
    one = call()
    waiting = in_thread(one.wait, BOUND)
    one.wake()
    assert waiting() is None


def test_one_that_was_woken_before_does_not_wait():
    one = call()
    one.wake()
    one.wake()
    one.wait(BOUND)


def test_a_wait_without_time_left_ends_at_once():
    call().wait(-1.0)


def test_a_call_has_news_once_it_is_done_and_a_stream_with_each_message():
    unary, stream = call(), call(is_stream=True)
    for one in (unary, stream):
        one.messages.append(b"message")
    assert (unary.has_news, stream.has_news) == (False, True)
    unary.is_done = True
    assert unary.has_news
