"""Another object in the place of a client's connections."""

import doctest
from unittest.mock import AsyncMock

import pytest

from etcd_factory import AsyncETCDService, ETCDService, errors
from etcd_factory.testing import FakeEtcd, ScriptedTransport, mock, mocking, replies
from tests.support.faces import closed, settle

NOWHERE = {"hosts": ["127.0.0.1:1"], "retry": {"attempts": 1}}


@pytest.fixture(params=[ETCDService, AsyncETCDService])
async def etcd(request):
    """A client of a host where nothing listens."""
    client = request.param(NOWHERE)
    yield client
    await closed(client)


async def test_calls_go_to_a_fake_until_the_end_of_the_block(etcd):
    with mock(etcd) as fake:
        assert isinstance(fake, FakeEtcd)
        await settle(etcd.namespace("n/").put("k").value("v"))
        assert await settle(etcd.get("n/k").string()) == "v"
    with pytest.raises(errors.ConnectionFailedError):
        await settle(etcd.get("n/k").string())


async def test_watches_and_locks_go_there_too(etcd):
    with mock(etcd):
        watcher = await settle(etcd.watch().key("k").create())
        await settle(etcd.put("k").value("v"))
        assert (await settle(watcher.take())).kv.text == "v"
        await settle(watcher.cancel())
        lock = etcd.lock("job")
        await settle(lock.acquire())
        await settle(lock.release())


async def test_several_clients_share_a_fake(etcd):
    fake = FakeEtcd()
    with fake.client() as other, mock(etcd, fake) as target:
        other.put("k").value("v")
        assert (target, await settle(etcd.get("k").string())) == (fake, "v")


async def test_calls_go_to_an_object_of_the_users(etcd):
    target = AsyncMock()
    target.unary.return_value = replies.get({"k": "v"})
    mocked = mock(etcd, target)
    assert await settle(etcd.get("k").string()) == "v"
    (host, method, request, *_), _ = target.unary.call_args
    assert (host, method.name, request.key) == ("http://127.0.0.1:1", "Range", b"k")
    for _ in range(2):
        mocked.unmock()
    with pytest.raises(errors.ConnectionFailedError):
        await settle(etcd.get("k").string())


async def test_calls_follow_a_script(etcd):
    with mock(etcd, ScriptedTransport([replies.put(revision=7)])) as script:
        assert (await settle(etcd.put("k").value("v"))).revision == 7
        script.done()


@pytest.mark.parametrize("target", ["text", object(), ScriptedTransport])
def test_a_target_without_the_methods_of_a_transport_is_an_error_at_once(target):
    with ETCDService(NOWHERE) as etcd, pytest.raises(TypeError, match="unary, stream, close, forget"):
        mock(etcd, target)


def test_only_a_client_can_be_mocked():
    with pytest.raises(TypeError, match="mock"):
        mock("etcd")


def test_its_text_has_the_target():
    with ETCDService(NOWHERE) as etcd:
        assert repr(mock(etcd)) == "<Mock: <FakeEtcd at 127.0.0.1:2379, revision 1>>"


def test_examples():
    assert doctest.testmod(mocking).failed == 0
