"""An HTTP/2 connection that threads share, without a thread of its own.

Whoever waits and finds nobody reading reads for all, until its own answer is there, and hands over to the next. Who
writes is in ``writer.py``.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic
from typing import Any

from etcd_factory.options import Keepalive

from .calls import Blocks
from .channel import Channel
from .connection import Connection
from .keepalive import Liveness, Look
from .thread_call import ThreadCall
from .writer import PAUSE, Writer


class Line:
    """One connection."""

    def __init__(self, channel: Channel, blocks: Blocks, keepalive: Keepalive, endpoint: str) -> None:
        self.blocks, self.endpoint = blocks, endpoint
        self.machine, self.liveness = Connection(), Liveness(keepalive, monotonic())
        self.error: Exception | None = None  # what ended it
        self._is_over = False
        self._channel, self._lock = channel, threading.Lock()
        self.reader: ThreadCall | None = None  # whose thread reads for all
        self._waiting: dict[ThreadCall, None] = {}  # whose threads wait for it, the first first
        self._writer = Writer(channel, self.machine, self._lock, keepalive.timeout)
        self.flush()

    # --- the transport's side

    def start(self, call: ThreadCall, block: bytes, data: bytes, end: bool) -> None:
        """Begin a call."""
        with self._lock:
            self.machine.request(call, block, data, end)
        self.flush()

    def send(self, call: ThreadCall, data: bytes) -> None:
        """Send more of a call."""
        with self._lock:
            self.machine.send(call, data)
        self.flush()

    def cancel(self, call: ThreadCall) -> None:
        """End a call here."""
        with self._lock:
            self.machine.reset(call)
            call.is_done = True
        self.flush()
        call.wake()
        self.rouse(call)
        self._wind_up()

    def rouse(self, call: ThreadCall) -> None:
        """End the wait of the thread that reads for a call."""
        with self._lock:
            if self.reader is not None and self.reader in (call, call.seat):
                self._channel.wake()

    def taken(self, call: ThreadCall, size: int) -> None:
        """So much of a stream was read: the server may send more. It learns that before the next wait for news."""
        with self._lock:
            self.machine.taken(call, size)

    def news(self, call: ThreadCall) -> None:
        """Wait for news of a call; at its deadline it ends with an error."""
        try:
            try:
                while not call.has_news:
                    if self._becomes_reader(call):
                        self._read(call)
                    else:
                        self._follow(call)
                    if not call.has_news and monotonic() >= call.deadline:
                        self._expire(call)
            finally:
                self._leave(call)
        except BaseException:  # an interrupt, perhaps while it left
            self._leave(call)
            raise

    def look(self) -> None:
        """Take what has arrived while nobody read: the server may have closed the connection."""
        if self.reader is None:
            self._drain()
            self._wind_up()

    def doubt(self, since: float) -> None:
        """Look soon whether the server is alive, if nothing was heard since then."""
        with self._lock:
            doubted = self.liveness.suspect(since, monotonic())
            if doubted:
                self.machine.ping()
        if doubted:
            self.flush()
            self._channel.wake()

    def answers(self, timeout: float) -> bool:
        """Return whether the server answers a PING within so many seconds."""
        self.liveness.ask(monotonic())
        with self._lock:
            self.machine.ping()
        return self.until(lambda: not self.machine.is_asked, timeout)

    def until(self, condition: Any, timeout: float) -> bool:
        """Read until a condition holds, or the time is over."""
        self.flush()
        pseudo = ThreadCall(self.endpoint, None, monotonic(), monotonic() + timeout)
        try:
            while not condition() and not self.machine.is_closed and monotonic() < pseudo.deadline:
                if self._becomes_reader(pseudo):
                    self._read(pseudo, condition)
                else:
                    pseudo.wait(min(PAUSE, pseudo.deadline - monotonic()))
            self._leave(pseudo)
        except BaseException:
            self.abandon("the thread that tested the connection was interrupted")
            self._leave(pseudo)
            raise
        return bool(condition())

    def retire(self) -> None:
        """Accept no more calls; those under way go on."""
        with self._lock:
            self.machine.is_draining = True
        self._wind_up()

    def close(self, message: str) -> None:
        """End all calls and the connection."""
        try:
            with self._lock:
                ended = self.machine.close(message)
            self._report(ended)
        finally:
            self._channel.wake()
        self._wind_up()

    def end_calls(self, owner: object) -> None:
        """End the calls of a client that is closed."""
        try:
            with self._lock:
                calls: list[Any] = [call for call in self.machine.pending() if getattr(call, "owner", None) is owner]
                for call in calls:
                    call.close()
                    self.machine.reset(call)
            self.flush()
            self._report(calls)
        finally:
            self._channel.wake()

    def abandon(self, reason: str) -> None:
        """End a connection that an interrupt may have left in any state; waits for no lock for ever."""
        self.liveness.distrust()
        self._is_over = True
        alone = self._lock.acquire(timeout=PAUSE)  # a call that begins meanwhile would not be told
        try:
            ended = self.machine.lost(reason)
        finally:
            if alone:
                self._lock.release()
        self._report(ended)
        self._channel.shut()

    # --- reading

    def _becomes_reader(self, call: ThreadCall) -> bool:
        with self._lock:
            self._waiting.pop(call, None)
            if self.reader is None and call.may_read:
                self.reader = call
                return True
            self._waiting[call] = None
            return False

    def _reads_alone(self, call: ThreadCall) -> bool:
        with self._lock:
            self.reader = self.reader or call
            return self.reader is call

    def _read(self, call: ThreadCall, condition: Any = None) -> None:
        """Read for all until this call has news, or its time is over; then hand over.

        What is to be sent for what was read, as answers to PINGs, leaves before the next wait, or with the next call.
        """
        try:
            while not (call.has_news or self.machine.is_closed) and (condition is None or not condition()):
                now = monotonic()
                if now >= call.deadline or not call.may_read:
                    return
                if self.machine.has_output:
                    self.flush()
                self._read_once(min(call.deadline, self.liveness.due(busy=True)) - now)
        finally:
            self._hand_over()
        if self.machine.is_closed:
            self._end_strays()

    def _follow(self, call: ThreadCall) -> None:
        """Wait for news from the thread that reads, or to be the next that reads."""
        if self.machine.has_output:
            self.flush()
        if not call.has_news:
            call.wait(call.deadline - monotonic())

    def _leave(self, call: ThreadCall) -> None:
        """Wait no more. Another one reads if this one did when it was interrupted, or was to be the next."""
        if self.reader is call:
            self._hand_over()
        if not self._waiting:
            return
        with self._lock:
            self._waiting.pop(call, None)
            is_unread = self.reader is None and self._waiting
        if is_unread:
            self._wake_next()

    def _hand_over(self) -> None:
        with self._lock:
            self.reader = None
        if self._waiting:
            self._wake_next()
        if self._is_over:
            self._close_unused()

    def _wake_next(self) -> None:
        """Wake the next who reads, and who has news before: whoever took these may have been interrupted."""
        with self._lock:
            for one in self._waiting:
                if not one.has_news:
                    if one.may_read:
                        return one.wake()
                elif one.is_asleep:
                    one.wake()
        return None

    def _read_once(self, timeout: float) -> None:
        if not self._channel.wait(timeout):
            self._check(monotonic())
            return
        self._receive()
        if not self.machine.is_usable:
            self._wind_up()

    def _receive(self) -> None:
        """Take what has arrived."""
        try:
            try:
                self._take(self._channel.receive())
            except (OSError, EOFError) as error:
                self._lost(error)
        except BaseException:
            self.abandon("the thread that read the connection was interrupted")
            raise

    def _take(self, data: bytes | None) -> None:
        if data is None:
            return
        self.liveness.hear(monotonic())
        with self._lock:
            news = self.machine.receive(data)
        self._report(news)

    def _report(self, calls: Any) -> None:
        for call in calls:
            if call.is_done and call.is_open:  # the call is over, the stream is not
                with self._lock:
                    self.machine.reset(call)
            call.wake()

    def _lost(self, error: Exception) -> None:
        self.error = self.error or error
        self.liveness.distrust()
        with self._lock:
            ended = self.machine.lost(f"the connection broke: {error}" if isinstance(error, OSError) else str(error))
        self._shut()
        self._report(ended)

    def _end_strays(self) -> None:
        """End calls that began just as an interrupt ended the connection."""
        with self._lock:
            ended = self.machine.lost(self.machine.reason)
        self._report(ended)

    def _check(self, now: float) -> None:
        """Look whether the server is alive."""
        try:
            look = self.liveness.check(now, busy=True)
        except TimeoutError as error:
            return self._lost(error)
        if look is Look.PING:
            with self._lock:
                self.machine.ping()
            self.flush()
        elif look is Look.END_STREAMS:
            self._end_streams()
        return None

    def _end_streams(self) -> None:
        """Nothing is heard any more: calls may wait, but streams resume on another connection."""
        with self._lock:
            self.machine.is_draining = True
            calls: list[Any] = [call for call in self.machine.pending() if not call.refill]
            for call in calls:
                call.leave()
                self.machine.reset(call)
        self.flush()
        self._report(calls)

    # --- writing

    def flush(self) -> None:
        """Send what there is, unless another thread does; that one takes this too."""
        writer = object()  # this thread, now: an interrupt may come before it is known who writes
        try:
            try:
                self._write(writer)
            except OSError as error:
                self._lost(error)
        except BaseException:
            self.abandon("the thread that wrote to the connection was interrupted")
            self._wrote(writer)
            raise

    def _write(self, writer: object) -> None:
        while self.machine.has_output:
            data = self._writer.begin(writer)
            if data is None:
                return
            try:
                self._writer.write(data, self._drain)
            finally:
                self._wrote(writer)

    def _wrote(self, writer: object) -> None:
        if self._writer.end(writer) and self._is_over:
            self._close_unused()

    def _drain(self) -> None:
        """Read while nobody else does."""
        pseudo = ThreadCall(self.endpoint, None, monotonic(), 0.0)
        try:
            if self._reads_alone(pseudo):
                while not self.machine.is_closed and self._channel.has_input:
                    self._receive()
            self._leave(pseudo)
        except BaseException:
            self.abandon("the thread that looked at the connection was interrupted")
            self._leave(pseudo)
            raise

    # --- ends

    def _expire(self, call: ThreadCall) -> None:
        """End a call whose time is over."""
        with self._lock:
            self._waiting.pop(call, None)
            if self.liveness.suspect(call.start, monotonic()):
                self.machine.ping()
            self.machine.reset(call)
            call.expire(call.deadline - call.start)
        self.flush()

    def _wind_up(self) -> None:
        """End a connection that is over, or will be used no more."""
        if self.machine.is_usable:
            return
        self.liveness.distrust()
        with self._lock:  # at once: a call that begins after the look would end without a word
            if self.machine.is_busy and not self.machine.is_closed:
                return
            last = self.machine.take()
            self.machine.lost("the connection was closed here")
        writer = object()
        try:
            with suppress(OSError):  # it is over already
                self._writer.write_last(writer, last)
        finally:
            self._wrote(writer)
        self._shut()

    def _shut(self) -> None:
        """End the socket; it is closed by the last thread that uses it."""
        self._is_over = True
        self._channel.shut()
        self._close_unused()

    def _close_unused(self) -> None:
        """Close the socket if no thread reads or writes it; one that does comes here again."""
        with self._lock:
            if self.reader is None and self._writer.current is None:
                self._channel.close()
