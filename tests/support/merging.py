"""A store in memory whose calls wait until the test answers them: which calls were merged is then seen, not guessed."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

import pytest
from attrs import evolve, frozen

from etcd_factory.errors import ClientClosedError, DeadlineExceededError, DuplicateKeyError
from etcd_factory.model import KeyValue
from etcd_factory.testing import replies

from .faces import in_time, until

PARTS = {"request_range": "Range", "request_put": "Put", "request_delete_range": "DeleteRange"}


class Store:
    """Keys and values, and how requests change them."""

    def __init__(self):
        self.kvs, self.revision = {}, 1

    def apply(self, method, request):
        """Return the reply to a request; a transaction has one revision, and writes no key twice."""
        if method == "Txn":
            return self._transaction([self._part(part) for part in request.success])
        if method != "Range":
            self.revision += 1
        return getattr(self, method)(request)

    def _part(self, part):
        name = part.WhichOneof("request")
        return PARTS[name], getattr(part, name)

    def _transaction(self, parts):
        written = [request.key for method, request in parts if method != "Range"]
        if len(set(written)) < len(written):
            raise DuplicateKeyError("duplicate key given in txn request")
        self.revision += bool(written)
        return replies.txn(*[getattr(self, method)(request) for method, request in parts], revision=self.revision)

    def Range(self, request):  # noqa: N802
        found = [self.kvs[request.key]] if request.key in self.kvs else []
        return replies.get(*found, revision=self.revision)

    def Put(self, request):  # noqa: N802
        before = self.kvs.get(request.key)
        fresh = KeyValue(request.key, request.value, self.revision, 0, 0, request.lease)
        version = before.version + 1 if before else 1
        self.kvs[request.key] = evolve(
            before or fresh, value=request.value, mod_revision=self.revision, version=version
        )
        return replies.put(previous=before if request.prev_kv else None, revision=self.revision)

    def DeleteRange(self, request):  # noqa: N802
        before = self.kvs.pop(request.key, None)
        return replies.delete(int(before is not None), revision=self.revision)


@frozen(eq=False)
class HeldCall:
    """A call that waits for its answer."""

    method: str
    request: object
    timeout: float
    outcome: Future

    @property
    def keys(self):
        """The keys of its operations, in order."""
        if self.method != "Txn":
            return [self.request.key]
        return [getattr(part, part.WhichOneof("request")).key for part in self.request.success]

    @property
    def kinds(self):
        """Which operations they are."""
        if self.method != "Txn":
            return {self.method}
        return {PARTS[part.WhichOneof("request")] for part in self.request.success}

    def fail(self, error):
        """Answer it with an error."""
        self.outcome.set_result(error)


class HeldStore:
    """A transport to a ``Store``. ``await held.next()`` returns the next call; ``held.answer(call)`` lets it go on."""

    def __init__(self, face):
        self.face, self.store, self.calls, self.closed = face, Store(), [], False
        self._new = deque()

    async def next(self):
        """Return the next call that has come and was not returned yet."""
        await until(lambda: self._new)
        return self._new.popleft()

    @property
    def is_quiet(self):
        """Whether every call that has come was returned by ``next``."""
        return not self._new

    def answer(self, call):
        """Answer a call from the store; returns it."""
        try:
            call.outcome.set_result(self.store.apply(call.method, call.request))
        except DuplicateKeyError as error:
            call.fail(error)
        return call

    async def serve(self, futures):
        """Answer every call until these futures are done; returns their results, errors among them."""
        done = asyncio.gather(*futures, return_exceptions=True)
        while not done.done():
            while self._new:
                self.answer(self._new.popleft())
            await asyncio.sleep(0)
        return await in_time(done)

    async def unary(self, host, method, request, timeout, metadata):
        if self.closed:
            raise ClientClosedError
        call = HeldCall(method.name, request, timeout, Future())
        self.calls.append(call)
        self._new.append(call)
        answer = await self._wait(call, timeout)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def _wait(self, call, timeout):
        if self.face.is_blocking:
            try:
                return call.outcome.result(timeout)
            except FutureTimeoutError:
                return DeadlineExceededError("no reply")
        done, _ = await asyncio.wait([asyncio.wrap_future(call.outcome)], timeout=timeout)
        return done.pop().result() if done else DeadlineExceededError("no reply")

    async def stream(self, host, method, metadata, request=None):
        raise AssertionError("calls of single keys open no stream")

    async def close(self):
        self.closed = True
        for call in self.calls:
            if not call.outcome.done():
                call.fail(ClientClosedError())

    def forget(self):
        return None


class Merging:
    """A client on a held store, and the calls that a test begins."""

    def __init__(self, face, client, held):
        self.face, self.client, self.held = face, client, held

    @property
    def lanes(self):
        return self.client._run.client.batching._here()

    @property
    def unfinished(self):
        """How many calls that may be merged have begun and not ended."""
        lanes, keys = [*self.lanes._lanes.values()], self.lanes._keys
        sent = [flight for lane in lanes for flight in list(lane.flights)]
        behind = keys.waiting if keys else 0
        return behind + sum(map(len, [*(lane.queue for lane in lanes), *(flight.waiters for flight in sent)]))

    @property
    def _begun(self):
        return self.unfinished + len(self.held.calls)

    async def begin(self, *calls):
        """Begin calls one after another, each once the one before waits or is on its way; returns their futures."""
        futures = []
        for call in calls:
            before = self._begun
            futures.append(self.face.begin(call))
            await until(lambda before=before: self._begun != before)
        return futures

    def get(self, key):
        return self.client.get(key).string

    def put(self, key, value="v"):
        return lambda: self.client.put(key).value(value)

    def delete(self, key):
        return lambda: self.client.delete().key(key)

    async def under_way(self, call):
        """Begin a call that is on its way; returns it and its future."""
        (future,) = await self.begin(call)
        return await self.held.next(), future


@pytest.fixture
async def merging(face, connect):
    """Creates a client with an option ``batching`` on a held store."""

    def make(batching, **options):
        client, held = connect(HeldStore(face), batching=batching, **options)
        return Merging(face, client, held)

    return make
