"""The two faces of a client: what they share, their views, and their end."""

from __future__ import annotations

import pytest

from etcd_factory import AsyncETCDService, ClientOptions, ETCDService
from etcd_factory.core.face import Async, Sync
from etcd_factory.errors import ClientClosedError, ConfigError
from etcd_factory.service import is_needed, released, view_of
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import FACES, closed, settle


@pytest.fixture(params=FACES, ids=lambda face: face.name)
def face(request):
    return request.param


@pytest.fixture
def connect(face, fixed_random):
    """A function that returns a service on a script, and its transport."""

    def make(script=(), **options):
        transport = ScriptedTransport(script)
        return face.service(options or None, transport=transport), transport

    return make


# --- options


@pytest.mark.parametrize(
    "options", [{"hosts": "a:1", "timeout": 3}, ClientOptions(hosts="a:1", timeout=3)], ids=["mapping", "options"]
)
def test_options_are_a_mapping_or_options(face, options):
    client = face.service(options, transport=ScriptedTransport([]))
    assert (client.options.hosts, client.options.timeout) == (("http://a:1",), 3)
    assert client.options == ClientOptions.of(options)


def test_the_default_host_is_local(face):
    assert face.service(transport=ScriptedTransport([])).endpoint == "127.0.0.1:2379"


def test_a_wrong_option_is_an_error_at_once(face):
    with pytest.raises(ConfigError, match="hosts"):
        face.service({"hots": "a:1"})


async def test_the_endpoint_is_the_host_in_use(connect):
    client, _ = connect([replies.lost(), replies.get()], hosts=["a:1", "b:1"])
    assert client.endpoint == "a:1"
    await settle(client.get("k").string())
    assert client.endpoint == "b:1"


class Falsy(ScriptedTransport):
    """A transport that is false, as a container that is empty."""

    def __len__(self):
        return 0


async def test_a_transport_that_is_false_is_a_transport(face):
    transport = Falsy([replies.get({"k": "v"})])
    client = face.service(transport=transport)
    assert await settle(client.get("k").string()) == "v"
    assert len(transport.calls) == 1


def test_the_classes_have_their_faces():
    assert (ETCDService.face, AsyncETCDService.face) == (Sync, Async)


# --- views


async def test_namespaces_nest_and_leave_the_service_as_it_is(connect):
    client, transport = connect({"Put": replies.put()}, namespace="a/")
    for one in (client, client.namespace("b/"), client.namespace("b/").namespace(b"c/")):
        await settle(one.put("k").value("v"))
    assert [call.request.key for call in transport.calls] == [b"a/k", b"a/b/k", b"a/b/c/k"]


async def test_another_timeout_is_for_each_operation_of_that_view(connect):
    client, transport = connect({"Put": replies.put()}, timeout=5)
    for one in (client, client.with_options(timeout=9), client.namespace("n/").with_options(timeout=7)):
        await settle(one.put("k").value("v"))
    assert [call.timeout for call in transport.calls] == [5, 9, 7]


@pytest.mark.parametrize("timeout", [0, -1, "soon"])
def test_a_wrong_timeout_is_an_error_at_once(connect, timeout):
    client, _ = connect()
    with pytest.raises(ConfigError, match="timeout"):
        client.with_options(timeout=timeout)


def test_a_wrong_namespace_is_an_error_at_once(connect):
    client, _ = connect()
    with pytest.raises(TypeError, match="a namespace must be str or bytes"):
        client.namespace(1)


def test_it_shows_its_hosts_and_its_namespace_and_no_secret(connect):
    client, _ = connect(hosts=["a:1", "b:1"], auth={"username": "root", "password": "secret"})
    assert repr(client.namespace("n/")) == f"<{type(client).__name__} http://a:1, http://b:1 namespace=b'n/'>"


# --- its end


async def test_closing_one_view_closes_all(connect):
    client, _ = connect()
    await closed(client.namespace("n/"))
    await closed(client)
    for one in (client, client.with_options(timeout=9)):
        with pytest.raises(ClientClosedError):
            await settle(one.get("k").string())


async def test_a_block_closes_it(face):
    client = face.service(transport=ScriptedTransport([]))
    if face.name == "blocking":
        with client as entered:
            assert entered is client
    else:
        async with client as entered:
            assert entered is client
    with pytest.raises(ClientClosedError):
        await settle(client.get("k").string())


async def test_the_client_of_python_etcd3_is_created_once_and_closed_with_the_service(connect):
    client, transport = connect()
    assert client.raw is client.raw is client.namespace("n/").raw
    await closed(client)
    with pytest.raises(ClientClosedError):
        _ = client.raw
    assert transport.calls == []


# --- the view behind a service


def test_the_view_of_a_service_is_that_of_its_namespace(face, connect):
    client, _ = connect()
    assert view_of(client.namespace("n/"), face.service, "a registry").namespace == b"n/"


@pytest.mark.parametrize(("kind", "other"), [(ETCDService, AsyncETCDService), (AsyncETCDService, ETCDService)])
def test_what_needs_a_service_of_the_other_face_says_so(kind, other):
    client = other(transport=ScriptedTransport([]))
    with pytest.raises(TypeError, match=f"a registry needs an {kind.__name__}, not {other.__name__}"):
        view_of(client, kind, "a registry")


@pytest.mark.parametrize("given", [3, "a:1", ScriptedTransport, object()], ids=["int", "str", "class", "object"])
def test_what_is_no_transport_is_refused_at_once(face, given):
    with pytest.raises(TypeError, match=r"^a transport is an object with the methods unary, stream, close, forget"):
        face.service(transport=given)


def test_a_namespace_that_is_not_unicode_is_refused(face):
    with pytest.raises(ConfigError, match="namespace: expected text that can be written as UTF-8"):
        face.service({"namespace": "\ud800"})


async def test_a_lease_of_the_other_face_is_refused(connect, face):
    client, transport = connect([])
    (other,) = [one for one in FACES if one is not face]
    lease = other.service(transport=ScriptedTransport([])).lease(5)
    for use in (lambda: client.put("k").lease(lease), lambda: client.lock("l", lease=lease)):
        with pytest.raises(TypeError, match=r"^this lease was made by a client of the other face"):
            use()
    assert transport.calls == []


# --- releasing a service


SCRIPT = {
    "LeaseGrant": replies.lease(7, 60),
    "LeaseKeepAlive": replies.keep_alive(60),
    "LeaseRevoke": replies.of("LeaseRevoke"),
    "Range": replies.get({"k": "v"}),
}


async def test_a_released_service_goes_on_and_tells_when_nobody_uses_it(connect):
    (client, transport), calls = connect(SCRIPT), []
    closing = released(client, lambda: calls.append(1))
    assert type(closing) is type(client)
    part = client.namespace("n/").get("k")
    del client
    assert await settle(part.string()) == "v"
    assert calls == []
    del part
    assert calls == [1]
    await closed(closing)
    assert [call.method for call in transport.calls] == ["Range"]


async def test_it_is_needed_for_leases_and_for_raw(connect):
    client, _ = connect(SCRIPT)
    assert not is_needed(client)
    lease = client.lease(60)
    await settle(lease.grant())
    assert is_needed(client)
    await settle(lease.revoke())
    assert not is_needed(client)
    assert client.raw
    assert is_needed(client)
    await closed(client)
    assert not is_needed(client)
