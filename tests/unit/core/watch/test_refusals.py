"""Watches that the server refuses: one that cannot begin raises at once, one that runs ends once it is certain."""

from __future__ import annotations

import asyncio

import pytest

from etcd_factory.errors import (
    AuthenticationFailedError,
    ConnectionFailedError,
    InvalidAuthTokenError,
    PermissionDeniedError,
    TLSError,
)
from etcd_factory.testing import StreamScript, replies
from etcd_factory.wire import messages
from tests.support.faces import settle
from tests.support.views import view_behind
from tests.support.watch_receivers import FIELDS, Receiver, begun, sent

BOUND = 10  # seconds that nothing here takes
TIMEOUT = 600.0  # of the service, in seconds of the test's clock
TOKEN = replies.of("Authenticate", token="t")
PASSWORD = {"username": "root", "password": "secret"}
DENIED = replies.server_error("etcdserver: permission denied")
WRONG = replies.server_error("etcdserver: authentication failed, invalid user ID or password")
NO_TOKEN = replies.server_error("etcdserver: user name is empty")
EXPIRED = TLSError("the server's certificate has expired")


async def raised(face, client):
    """Return the error that beginning a watch raises; the service's timeout does not pass meanwhile."""
    (error,) = await asyncio.wait_for(asyncio.gather(face.begin(lambda: create(client)), return_exceptions=True), BOUND)
    return error


def create(client):
    return client.watch().key("k").create()


# --- that cannot begin


BEGINNINGS = {
    "a wrong password": ({"Authenticate": WRONG}, {"auth": PASSWORD}, AuthenticationFailedError),
    "a stream that is denied": ({"Watch": DENIED}, {}, PermissionDeniedError),
    "no credentials": ({"Watch": NO_TOKEN}, {}, InvalidAuthTokenError),
    "TLS": ({"Watch": EXPIRED}, {}, TLSError),
}


@pytest.mark.parametrize("name", BEGINNINGS)
async def test_a_watch_that_is_refused_raises_at_once(connect, face, name):
    script, options, kind = BEGINNINGS[name]
    client, _ = connect(script, timeout=TIMEOUT, **options)
    assert isinstance(await raised(face, client), kind)


async def test_an_error_of_the_users_own_function_is_raised_at_once(connect, face):
    def password():
        raise RuntimeError("no vault")

    client, _ = connect({}, timeout=TIMEOUT, auth={"username": "root", "password": password})
    error = await raised(face, client)
    assert (type(error), str(error)) == (RuntimeError, "no vault")


async def test_a_problem_of_tls_at_one_host_is_none_if_another_works(connect, face):
    client, transport = connect({"Watch": [EXPIRED, replies.watch()]}, hosts=["a:1", "b:1"])
    watcher = await asyncio.wait_for(face.begin(lambda: create(client)), BOUND)
    assert [call.host for call in transport.calls] == ["http://a:1", "http://b:1"]
    await asyncio.wait_for(face.begin(watcher.cancel), BOUND)


async def test_a_host_that_cannot_be_reached_is_tried_until_the_timeout(connect, face):
    """It is no refusal: the server may come back."""
    client, transport = connect({"Watch": [replies.refused()] * 3 + [replies.watch()]}, timeout=TIMEOUT)
    watcher = await asyncio.wait_for(face.begin(lambda: create(client)), BOUND)
    assert len(transport.calls) == 4
    await asyncio.wait_for(face.begin(watcher.cancel), BOUND)


# --- that run


class Scene:
    """Streams that open one after another, each at a time of the test's clock."""

    def __init__(self, *streams):
        self.time, self._streams = 0.0, list(streams)

    def __call__(self, call):
        self.time, answer = self._streams.pop(0)
        return answer

    async def play(self, stream_of):
        """Begin a watch on these streams; return its receiver and the transport."""
        stream, transport, core = stream_of({"Watch": self}, timeout=TIMEOUT)
        core.runtime.now = lambda: self.time
        core.backoff = lambda failures: 0.0
        await begun(stream, receiver := Receiver())
        return receiver, transport


def broken():
    """A stream that works, and breaks."""
    return replies.watch(replies.lost("broke"))


def denied():
    """A stream that is refused."""
    return StreamScript(DENIED)


async def test_a_running_watch_that_is_refused_for_the_timeout_ends_with_the_refusal(stream_of):
    scene = Scene((0.0, broken()), (1.0, denied()), (TIMEOUT, denied()), (1.0 + TIMEOUT, denied()))
    receiver, transport = await scene.play(stream_of)
    output = await receiver.until("error")
    assert isinstance(output.error, PermissionDeniedError)
    assert len(sent(transport)) == 4
    reasons = [type(fact) for kind, fact in receiver.notes if kind == "disconnected"]
    assert reasons == [ConnectionFailedError] + [PermissionDeniedError] * 3
    assert receiver.kinds.count("error") == 1


async def test_a_refusal_that_ends_before_the_timeout_does_not_matter(stream_of):
    scene = Scene(
        (0.0, broken()),
        (1.0, denied()),
        (TIMEOUT, broken()),  # the permission was granted again
        (1.0 + TIMEOUT, denied()),
        (TIMEOUT * 2, denied()),
        (TIMEOUT * 2, replies.watch(replies.progress(9))),
    )
    receiver, _ = await scene.play(stream_of)
    await receiver.until("progress")
    assert "error" not in receiver.kinds


async def test_a_server_that_is_away_meanwhile_is_no_refusal(stream_of):
    away = replies.refused()
    scene = Scene(
        (0.0, broken()),
        (1.0, denied()),
        (TIMEOUT, away),
        (1.0 + TIMEOUT, denied()),
        (TIMEOUT * 2, replies.watch(replies.progress(9))),
    )
    receiver, _ = await scene.play(stream_of)
    await receiver.until("progress")
    assert "error" not in receiver.kinds


async def test_a_watch_that_has_not_begun_is_refused_at_once_and_one_that_runs_waits(stream_of):
    def confirm_the_first(request):
        return messages.WatchResponse(watch_id=1, created=True) if request.create_request.watch_id == 1 else None

    first = StreamScript(reply=confirm_the_first)
    scene = Scene((0.0, first), (1.0, replies.watch(replies.progress(9))))
    stream, _, core = stream_of({"Watch": scene}, timeout=TIMEOUT)
    core.runtime.now, core.backoff = lambda: scene.time, lambda failures: 0.0
    await begun(stream, running := Receiver())
    stream.add(beginning := Receiver(), FIELDS, 0)
    first.push(DENIED)
    assert isinstance((await beginning.until("error")).error, PermissionDeniedError)
    await running.until("progress")
    assert ("disconnected" in running.kinds, "error" in running.kinds) == (True, False)


async def test_handlers_are_called_with_the_reason_and_then_with_the_end(connect, recorder):
    """As after a password that is changed while watches run."""
    scene = Scene((0.0, TOKEN), (1.0, WRONG), (1.0 + TIMEOUT, WRONG))
    script = {"Authenticate": scene, "Watch": replies.watch(InvalidAuthTokenError())}
    client, _ = connect(script, auth=PASSWORD, timeout=TIMEOUT)
    core = view_behind(client).client
    core.runtime.now, core.backoff = lambda: scene.time, lambda failures: 0.0
    await settle(recorder.on(client.watch().key("k"), "disconnected", "error").create())
    await recorder.until("error")
    told = [(name, type(error)) for name, error in recorder.calls]
    refused = AuthenticationFailedError
    assert told == [("disconnected", refused), ("disconnected", refused), ("error", refused)]
