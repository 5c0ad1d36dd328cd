"""``etcd.raw``: python-etcd3's client on the same options."""

import os
import threading
import time
from contextlib import suppress

import etcd3
import grpc
import pytest

from etcd_factory import errors
from tests.support.auth import LOGIN
from tests.support.faces import closed, fill, settle, texts


@pytest.fixture(scope="module")
def tls(serve, authority):
    """A server that is reached by TLS, without authentication."""
    return {"hosts": [serve("127.0.0.1").url], "tls": {"ca": authority.cert_pem.bytes().decode()}}


@pytest.fixture(params=["auth_server", "tls_auth_server"], ids=["plaintext", "tls"])
def guarded(request):
    """A server that requires a password."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def login(make, guarded):
    """Creates raw clients of that server."""
    return lambda **auth: make(**guarded.options, auth={**LOGIN, **auth}).raw


WAYS = {
    "plaintext": lambda get: {"hosts": [get("etcd_server").endpoint]},
    "tls": lambda get: get("tls"),
    "password": lambda get: {**get("auth_server").options, "auth": LOGIN},
    "password and tls": lambda get: {**get("tls_auth_server").options, "auth": LOGIN},
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def raw(make, request):
    """The raw client of a service that reaches its server in one of several ways; its keys are removed before."""
    client = make(**{**request.param(request.getfixturevalue), "namespace": ""}).raw
    client.delete_prefix("pub/")
    return client


def until(call):
    """Return the result of a call, retried for 20 seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(etcd3.exceptions.Etcd3Exception, grpc.RpcError):
            return call()
        time.sleep(0.05)
    return call()


class Events:
    """A callback of a watch that records its events."""

    def __init__(self):
        self.events, self.enough = [], threading.Event()

    def __call__(self, answer):
        self.events += [(event.key, event.value) for event in getattr(answer, "events", ())]
        self.enough.set()

    def wait(self):
        assert self.enough.wait(10)
        return self.events


def test_it_is_a_client_of_python_etcd3(client):
    assert isinstance(client.raw, etcd3.Etcd3Client)


def test_keys_are_written_and_read(raw):
    raw.put("pub/k", "v")
    value, meta = raw.get("pub/k")
    assert (value, meta.key) == (b"v", b"pub/k")
    assert raw.get("pub/none") == (None, None)
    assert raw.delete("pub/k") is True


def test_a_prefix_is_read_and_deleted(raw):
    for name in "ab":
        raw.put(f"pub/{name}", name)
    assert [value for value, _ in raw.get_prefix("pub/")] == [b"a", b"b"]
    assert raw.delete_prefix("pub/").deleted == 2


def test_a_transaction_runs(raw):
    made = [raw.transactions.version("pub/k") == 0]
    write, read = [raw.transactions.put("pub/k", "v")], [raw.transactions.get("pub/k")]
    assert raw.transaction(compare=made, success=write, failure=read)[0] is True
    done, results = raw.transaction(compare=made, success=write, failure=read)
    assert (done, results[0][0][0]) == (False, b"v")


def test_replace_and_put_if_not_exists_work(raw):
    assert raw.put_if_not_exists("pub/k", "1")
    assert not raw.put_if_not_exists("pub/k", "2")
    assert raw.replace("pub/k", "1", "3")


def test_a_watch_calls_back(raw):
    events = Events()
    watch = raw.add_watch_callback("pub/k", events)
    raw.put("pub/k", "v")
    assert events.wait() == [(b"pub/k", b"v")]
    raw.cancel_watch(watch)


def test_a_lease_is_granted_refreshed_and_revoked(raw):
    lease = raw.lease(60)
    raw.put("pub/k", "v", lease)
    assert lease.refresh()[0].TTL == 60
    lease.revoke()
    assert raw.get("pub/k") == (None, None)


def test_a_free_lock_is_acquired(client):
    lock = client.raw.lock(f"raw-{os.urandom(4).hex()}", ttl=10)
    assert lock.acquire(timeout=5)
    assert lock.is_acquired()
    assert lock.release()


def test_status_and_members_are_read(client):
    assert client.raw.status().version.startswith("3.")
    assert len(list(client.raw.members)) == 1


async def test_its_keys_are_absolute(client, etcd_namespace):
    await fill(client, {"k": "v"})
    assert client.raw.get(etcd_namespace + "k")[0] == b"v"
    client.namespace("deep/").raw.put(etcd_namespace + "deep/k", "w")
    assert await texts(client) == {"k": "v", "deep/k": "w"}


def test_it_is_created_once_for_all_views(client):
    assert client.raw is client.raw
    assert client.namespace("a").raw is client.with_options(timeout=1).raw is client.raw


def test_it_is_created_once_for_all_threads(client):
    made, together = [], threading.Barrier(8)

    def ask():
        together.wait()
        made.append(client.raw)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, made))) == 1


def test_creating_it_makes_no_call(make, silent):
    client = make(hosts=[silent], auth=LOGIN)
    begin = time.monotonic()
    assert client.raw
    assert time.monotonic() - begin < 2


def test_it_uses_only_the_first_host(make, etcd_server, refusing):
    assert make(hosts=[etcd_server.endpoint, refusing]).raw.get("none") == (None, None)
    with pytest.raises(etcd3.exceptions.ConnectionFailedError):
        make(hosts=[refusing, etcd_server.endpoint]).raw.get("none")


def test_the_timeout_is_that_of_the_options(make, silent):
    client = make(hosts=[silent], timeout=0.2)
    assert client.raw.timeout == 0.2
    with pytest.raises((etcd3.exceptions.ConnectionTimeoutError, etcd3.exceptions.ConnectionFailedError)):
        client.raw.get("k")


def test_grpc_options_are_passed_on(make, fragile):
    client = make(
        hosts=[fragile.endpoint], namespace="", transport="grpc", grpc_options={"grpc.max_receive_message_length": 1000}
    )
    client.raw.put("k", "x" * 2000)
    with pytest.raises(Exception, match="larger than max"):
        client.raw.get("k")


async def test_it_is_closed_with_the_service(face, options):
    client = face.service(options)
    raw = client.raw
    raw.get("k")
    await closed(client)
    with pytest.raises(ValueError, match="closed"):
        raw.get("k")
    with pytest.raises(errors.ClientClosedError):
        _ = client.raw
    await closed(client)


async def test_closing_ends_its_watch_thread_silently(face, options):
    client = face.service(options)
    client.raw.add_watch_callback("k", lambda answer: None)
    (thread,) = [one for one in threading.enumerate() if one.name.startswith("etcd3_watch")]
    await closed(client)
    thread.join(10)
    assert not thread.is_alive()


def test_it_watches_again_after_its_server_was_restarted(make, fragile):
    raw, events = make(hosts=[fragile.endpoint], retry={"maximum": 0.2}).raw, Events()
    raw.add_watch_callback("k", lambda answer: None)
    fragile.kill()
    fragile.start()
    until(lambda: raw.add_watch_callback("k", events))  # it does not retry a call itself
    until(lambda: raw.put("k", "v"))
    assert events.wait()[-1] == (b"k", b"v")


async def test_a_service_without_a_raw_client_closes(face, options):
    client = face.service(options)
    await settle(client.get("k").string())
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        _ = client.raw


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_creates_its_own(client):
    before = client.raw
    pid = os.fork()
    if not pid:
        os._exit(0 if client.raw is not before else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert client.raw is before


def test_a_refused_token_is_fetched_again(login, guarded):
    raw = login()
    raw.put("pub/k", "1")
    guarded.expire_tokens()
    raw.put("pub/k", "2")
    guarded.expire_tokens()
    assert raw.get("pub/k")[0] == b"2"


def test_a_watch_sends_the_token(login):
    raw, events = login(), Events()
    raw.add_watch_callback("pub/k", events)
    raw.put("pub/k", "v")
    assert events.wait() == [(b"pub/k", b"v")]


def test_a_call_without_permission_is_refused(login):
    with pytest.raises(Exception, match="permission denied"):
        login().get("elsewhere")


def test_a_wrong_password_is_an_error_of_both_packages(login):
    with pytest.raises(errors.AuthenticationFailedError) as caught:
        login(password="mistaken").get("pub/k")
    assert isinstance(caught.value, etcd3.exceptions.Etcd3Exception)
    with pytest.raises(Exception, match="authentication failed"):
        login(password="mistaken").add_watch_callback("pub/k", lambda answer: None)


def test_the_password_may_be_a_function(login):
    assert login(password=lambda: "wonder").get("pub/none") == (None, None)


def test_a_password_is_ignored_by_a_server_without_authentication(make):
    client = make(auth=LOGIN)
    assert client.raw.get("none") == (None, None)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (errors.EtcdError, "Etcd3Exception"),
        (errors.ConnectionFailedError, "ConnectionFailedError"),
        (errors.DeadlineExceededError, "ConnectionTimeoutError"),
        (errors.PreconditionError, "PreconditionFailedError"),
        (errors.InternalError, "InternalServerError"),
        (errors.CompactedError, "RevisionCompactedError"),
    ],
)
def test_our_errors_are_subclasses_of_those_of_python_etcd3(client, ours, theirs):
    assert client.raw
    assert issubclass(ours, getattr(etcd3.exceptions, theirs))


async def test_its_errors_can_be_caught_as_ours_can(make, refusing):
    client = make(hosts=[refusing], timeout=0.3)
    with pytest.raises(etcd3.exceptions.ConnectionFailedError):
        client.raw.get("k")
    with pytest.raises((etcd3.exceptions.ConnectionFailedError, etcd3.exceptions.ConnectionTimeoutError)):
        await settle(client.get("k").string())
