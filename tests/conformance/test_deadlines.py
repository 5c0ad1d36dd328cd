"""Timeouts, retries and failover: no call waits for ever."""

import asyncio
import time

import pytest

from etcd_factory import AsyncETCDService, ClientOptions, errors
from tests.support.faces import failure, settle, texts

LONG = 60.0  # seconds that no test may take


class Clock:
    """Measures the seconds that a block takes."""

    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *exc):
        self.seconds = time.monotonic() - self.start


READ = pytest.param(lambda client: client.get("k").string(), id="read")
WRITE = pytest.param(lambda client: client.put("k").value("v"), id="write")


@pytest.mark.parametrize("call", [READ, WRITE])
async def test_a_server_that_hangs_is_a_deadline_error_within_the_timeout(make, fragile, call):
    client = make(hosts=[fragile.endpoint], timeout=0.3)
    await settle(client.with_options(timeout=30).get("k").string())  # to connect may take longer
    fragile.pause()
    with Clock() as clock:
        error = await failure(lambda: call(client), errors.DeadlineExceededError)
    assert isinstance(error, TimeoutError)
    assert error.code == "DEADLINE_EXCEEDED"
    assert clock.seconds < client.options.timeout + client.options.dial_timeout


async def test_a_server_that_resumes_is_used_again(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await settle(client.get("k").string())
    fragile.pause()
    await failure(lambda: client.with_options(timeout=0.1).get("k").string(), errors.DeadlineExceededError)
    fragile.resume()
    assert await settle(client.get("missing").string()) is None


@pytest.mark.parametrize("call", [READ, WRITE])
async def test_a_host_that_never_replies_is_an_error_within_the_timeout(make, silent, call):
    client = make(hosts=[silent], timeout=0.3, dial_timeout=5)
    with Clock() as clock:
        await failure(lambda: call(client), errors.DeadlineExceededError)
    assert clock.seconds < client.options.timeout + client.options.dial_timeout


@pytest.mark.parametrize("call", [READ, WRITE])
async def test_a_host_that_never_replies_is_a_connection_error_within_the_dial_timeout(make, silent, call):
    client = make(hosts=[silent], timeout=LONG, dial_timeout=0.3)
    with Clock() as clock:
        error = await failure(lambda: call(client), errors.ConnectionFailedError)
    assert clock.seconds < LONG / 2
    assert not error.maybe_applied


@pytest.mark.parametrize("call", [READ, WRITE])
async def test_a_refused_connection_is_an_error_within_the_dial_timeout(make, refusing, call):
    client = make(hosts=[refusing], timeout=LONG, dial_timeout=0.3)
    with Clock() as clock:
        for _ in range(2):  # the first call, which opens the channel, may use up its time for one attempt
            error = await failure(lambda: call(client), errors.ConnectionFailedError)
    assert clock.seconds < LONG / 2
    assert error.attempts > 1
    assert not error.maybe_applied


async def test_the_timeout_bounds_all_attempts_together(make, refusing):
    client = make(hosts=[refusing], timeout=0.3, dial_timeout=LONG)
    with Clock() as clock:
        await failure(lambda: client.get("k").string(), errors.ConnectionFailedError)
    assert clock.seconds < LONG / 2


async def test_the_options_limit_the_number_of_attempts(make, refusing):
    for attempts in (1, 3):
        client = make(hosts=[refusing], timeout=LONG, dial_timeout=LONG, retry={"attempts": attempts})
        assert (await failure(lambda: client.get("k").string())).attempts == attempts  # noqa: B023


async def test_a_view_with_another_timeout_does_not_change_its_parent(make, recorded):
    client = make(timeout=LONG, transport=recorded)
    hasty = client.with_options(timeout=0.2)
    for view in (hasty, hasty.namespace("n"), client):
        await settle(view.put("k").value("v"))
    assert [call.timeout for call in recorded.calls] == [0.2, 0.2, LONG]


async def test_a_call_of_a_view_with_another_timeout_ends_within_it(make, fragile):
    client = make(hosts=[fragile.endpoint], timeout=LONG)
    await settle(client.get("k").string())
    fragile.pause()
    with Clock() as clock:
        await failure(lambda: client.with_options(timeout=0.2).get("k").string(), errors.DeadlineExceededError)
    assert clock.seconds < LONG / 2


@pytest.mark.parametrize("timeout", [0, -1, "1", None, True, float("inf")], ids=repr)
def test_an_invalid_timeout_is_a_config_error_at_once(client, timeout):
    with pytest.raises(errors.ConfigError):
        client.with_options(timeout=timeout)


def test_every_call_has_a_deadline_by_default():
    assert 0 < ClientOptions().timeout < LONG


async def test_a_write_whose_response_is_lost_may_have_been_applied(make, relay, client):
    through = make(hosts=[relay.endpoint], timeout=0.5)
    await settle(through.get("k").string())
    relay.mute()
    error = await failure(lambda: through.put("k").value("v"), errors.DeadlineExceededError)
    assert error.maybe_applied
    assert "may have been applied" in str(error)
    assert await texts(client) == {"k": "v"}


async def test_a_read_whose_response_is_lost_was_not_applied(make, relay):
    through = make(hosts=[relay.endpoint], timeout=0.3)
    await settle(through.get("k").string())
    relay.mute()
    error = await failure(lambda: through.get("k").string(), errors.DeadlineExceededError)
    assert not error.maybe_applied


async def test_a_write_whose_connection_breaks_is_not_resent(make, relay):
    through = make(hosts=[relay.endpoint])
    await settle(through.get("k").string())
    relay.cut(after=b"cut-here")
    error = await failure(lambda: through.put("cut-here").value("v"), errors.ConnectionFailedError)
    assert (error.attempts, error.maybe_applied) == (1, True)
    await settle(through.get("k").string())  # until the broken connection is gone
    await settle(through.put("k").value("w"))


async def test_a_read_whose_connection_breaks_is_resent(make, relay):
    through = make(hosts=[relay.endpoint])
    await settle(through.put("cut-here").value("v"))
    relay.cut(after=b"cut-here")
    assert await settle(through.get("cut-here").string()) == "v"


async def test_a_restarted_server_is_used_at_once(make, fragile):
    client = make(hosts=[fragile.endpoint])
    await settle(client.put("k").value("v"))
    fragile.kill()
    await asyncio.to_thread(fragile.start)
    assert await settle(client.get("k").string()) == "v"
    await settle(client.put("k").value("w"))
    assert await settle(client.get("k").string()) == "w"


async def test_calls_that_were_never_sent_wait_for_a_server_that_restarts(make, face, fragile):
    client = make(hosts=[fragile.endpoint], timeout=LONG, dial_timeout=LONG, retry={"attempts": 1000, "maximum": 0.2})
    await settle(client.put("k").value("v"))
    fragile.kill()
    await failure(lambda: client.with_options(timeout=0.1).get("k").string())  # the break has been noticed
    read = face.begin(lambda: client.get("k").string())
    write = face.begin(lambda: client.put("written").value("v"))
    await asyncio.to_thread(fragile.start)
    assert await read == "v"
    assert (await write).revision
    assert await settle(client.get("written").string()) == "v"


async def test_the_first_of_two_hosts_may_be_down(make, refusing, options):
    client = make(hosts=[refusing, *options["hosts"]])
    await settle(client.put("k").value("v"))
    assert await settle(client.get("k").string()) == "v"


async def test_the_first_of_two_hosts_may_never_reply(make, silent, options):
    client = make(hosts=[silent, *options["hosts"]], dial_timeout=0.3)
    await settle(client.put("k").value("v"))
    assert await settle(client.get("k").string()) == "v"


async def test_the_other_host_is_used_if_the_current_one_goes_down(make, fragile, client, options):
    await settle(client.put("k").value("other"))
    both = make(hosts=[fragile.endpoint, *options["hosts"]])
    await settle(both.put("k").value("first"))
    assert await settle(both.get("k").string()) == "first"
    fragile.kill()
    assert await settle(both.get("k").string()) == "other"
    await settle(both.put("k").value("written"))
    assert await settle(client.get("k").string()) == "written"


async def test_a_call_fails_with_the_last_host_if_all_are_down(make, refusing, silent):
    client = make(hosts=[refusing, silent], timeout=LONG, dial_timeout=0.2)
    error = await failure(lambda: client.get("k").string(), errors.ConnectionFailedError)
    assert error.endpoint in (refusing, silent)
    assert error.attempts > 1


async def test_a_cancelled_task_ends_and_the_client_still_works(options, relay):
    async with AsyncETCDService({**options, "hosts": [relay.endpoint], "timeout": LONG}) as client:
        await client.put("k").value("v")
        relay.mute()
        task = asyncio.ensure_future(client.get("k").string())
        await relay.requested()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        relay.unmute()
        assert await client.get("k").string() == "v"
