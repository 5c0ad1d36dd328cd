"""etcd behind real proxies: limits of streams, idle ends, restarts, large replies, cut watches; plain and with TLS."""

import asyncio
import threading

import pytest

from tests.support.faces import fill, settle
from tests.support.grpc_versions import skip_before
from tests.support.proxies import PROXIES, STREAMS, RealProxy, is_installed
from tests.support.watching import take

CALLS = 10 * STREAMS
MIB = 1 << 20


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def certificate(request, issue):
    return issue("127.0.0.1") if request.param else None


@pytest.fixture(params=PROXIES)
def proxy(request, etcd_server, tmp_path, certificate):
    if not is_installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    one = RealProxy(request.param, etcd_server.endpoint, tmp_path, certificate)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def client(make, proxy, certificate):
    secure = {"hosts": [f"https://{proxy.endpoint}"], "tls": {"ca": certificate["ca"]}} if certificate else {}
    return make(**{"hosts": [proxy.endpoint], "timeout": 10, **secure})


async def together(face, calls):
    """Run calls at the same time; returns their results."""
    if face.name == "asyncio":
        return await asyncio.gather(*[call() for call in calls])
    results = [None] * len(calls)

    def run(number):
        results[number] = calls[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


async def test_calls_wait_for_the_proxy_to_allow_more_streams(face, client):
    await settle(client.put("k").value("v"))
    assert await together(face, [client.get("k").string] * CALLS) == ["v"] * CALLS


async def test_a_reply_of_4_mib(client):
    await fill(client, {f"k/{number}": "x" * MIB for number in range(4)})
    found = await settle(client.get_all().prefix("k/").strings())
    assert [len(value) for value in found.values()] == [MIB] * 4


async def test_a_write_after_the_proxy_has_ended_an_idle_connection(client, proxy):
    await settle(client.put("k").value("1"))
    proxy.wait_for_end()
    await settle(client.put("k").value("2"))
    assert await settle(client.get("k").string()) == "2"


async def test_a_write_after_a_restart_of_the_proxy(client, proxy, face, is_grpc):
    if is_grpc and face.name == "blocking":
        skip_before("1.80", "a write is sent on a connection that has ended")
    await settle(client.put("k").value("1"))
    proxy.restart()
    await settle(client.put("k").value("2"))
    assert await settle(client.get("k").string()) == "2"


async def test_a_watch_that_the_proxy_cuts_resumes_and_misses_nothing(client, proxy):
    watcher = await settle(client.watch().key("k").create())
    for number in range(2):
        await settle(client.put("k").value(f"{number}"))
        proxy.restart()
        assert [event.kv.text for event in await take(watcher)] == [f"{number}"]
    await settle(watcher.cancel())
