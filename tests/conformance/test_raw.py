"""python-etcd3's client on our options."""

import os
import threading
import time
from contextlib import suppress

import etcd3
import grpc
import pytest
import trustme

from etcd_factory import errors
from etcd_factory.testing import EtcdServer, ServerTLS
from tests.support.faces import closed, fill, settle, texts

SETUP = (
    "user add root:top",
    "role add root",
    "user grant-role root root",
    "user add alice:wonder",
    "role add all",
    "role grant-permission all --prefix=true readwrite raw/",
    "user grant-role alice all",
    "auth enable",
)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def start(authority, tmp_path_factory):
    """Starts a server with or without TLS; gives it, and the options that reach it."""
    folder, mine, started = tmp_path_factory.mktemp("raw"), authority.issue_cert("127.0.0.1"), []
    mine.private_key_pem.write_to_path(folder / "key.pem")
    mine.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    ca = {"ca": authority.cert_pem.bytes().decode()}

    def new(secure):
        tls = ServerTLS(folder / "cert.pem", folder / "key.pem") if secure else None
        server = EtcdServer(tls=tls, args=["--bcrypt-cost=4"]).start()
        started.append(server)
        return server, {"hosts": [server.url], "namespace": "", "tls": ca if secure else None}

    yield new
    for server in started:
        server.stop()


@pytest.fixture(scope="module", params=["plaintext", "tls"])
def guarded(request, start):
    """A server that wants a password."""
    server, options = start(request.param == "tls")
    for command in SETUP:
        server.etcdctl(*command.split())
    return server, {**options, "auth": {"username": "alice", "password": "wonder"}}


@pytest.fixture(scope="module", params=["plaintext", "tls", "password", "password and tls"])
def reach(request, start):
    """The options of each way to a server."""
    server, options = start("tls" in request.param)
    if "password" not in request.param:
        return options
    for command in SETUP:
        server.etcdctl(*command.split())
    return {**options, "auth": {"username": "alice", "password": "wonder"}}


@pytest.fixture
def raw(make, reach):
    """The raw client of a service that comes that way, its keys removed before."""
    client = make(**reach).raw
    client.delete_prefix("raw/")
    return client


def renew(server):
    """Make all tokens invalid, as the passing of time does."""
    server.etcdctl("--user", "root:top", "auth", "disable")
    server.etcdctl("auth", "enable")


def until(call):
    """Make a call until it does not fail; after 20 seconds it may."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(etcd3.exceptions.Etcd3Exception, grpc.RpcError):
            return call()
        time.sleep(0.05)
    return call()


class Heard:
    """What a watch told."""

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


def test_keys_are_put_and_got(raw):
    raw.put("raw/k", "v")
    value, meta = raw.get("raw/k")
    assert (value, meta.key) == (b"v", b"raw/k")
    assert raw.get("raw/none") == (None, None)
    assert raw.delete("raw/k") is True


def test_a_prefix_is_got_and_deleted(raw):
    for name in "ab":
        raw.put(f"raw/{name}", name)
    assert [value for value, _ in raw.get_prefix("raw/")] == [b"a", b"b"]
    assert raw.delete_prefix("raw/").deleted == 2


def test_a_transaction_runs(raw):
    made = [raw.transactions.version("raw/k") == 0]
    write, read = [raw.transactions.put("raw/k", "v")], [raw.transactions.get("raw/k")]
    assert raw.transaction(compare=made, success=write, failure=read)[0] is True
    done, results = raw.transaction(compare=made, success=write, failure=read)
    assert (done, results[0][0][0]) == (False, b"v")


def test_replace_and_put_if_not_exists_work(raw):
    assert raw.put_if_not_exists("raw/k", "1")
    assert not raw.put_if_not_exists("raw/k", "2")
    assert raw.replace("raw/k", "1", "3")


def test_a_watch_calls_back(raw):
    heard = Heard()
    watch = raw.add_watch_callback("raw/k", heard)
    raw.put("raw/k", "v")
    assert heard.wait() == [(b"raw/k", b"v")]
    raw.cancel_watch(watch)


def test_a_lease_is_granted_refreshed_and_revoked(raw):
    lease = raw.lease(60)
    raw.put("raw/k", "v", lease)
    assert lease.refresh()[0].TTL == 60
    lease.revoke()
    assert raw.get("raw/k") == (None, None)


def test_a_lock_that_nobody_holds_is_got(client):
    lock = client.raw.lock(f"raw-{os.urandom(4).hex()}", ttl=10)
    assert lock.acquire(timeout=5)
    assert lock.is_acquired()
    assert lock.release()


def test_status_and_members_are_read(client):
    assert client.raw.status().version.startswith("3.")
    assert len(list(client.raw.members)) == 1


async def test_it_sees_whole_keys(client, etcd_namespace):
    await fill(client, {"k": "v"})
    assert client.raw.get(etcd_namespace + "k")[0] == b"v"
    client.namespace("deep/").raw.put(etcd_namespace + "deep/k", "w")
    assert await texts(client) == {"k": "v", "deep/k": "w"}


def test_it_is_made_once_for_all_views(client):
    assert client.raw is client.raw
    assert client.namespace("a").raw is client.with_options(timeout=1).raw is client.raw


def test_it_is_made_once_for_all_threads(client):
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


def test_making_it_asks_no_server(make, silent):
    client = make(hosts=[silent], auth={"username": "alice", "password": "wonder"})
    begin = time.monotonic()
    assert client.raw
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("h:1", "h:1"),
        ("http://[::1]:2379", "[::1]:2379"),
        ("unix:///run/a:b.sock", "unix:/run/a:b.sock"),
        (["h:1", "i:2"], "h:1"),
    ],
)
def test_it_goes_to_the_first_host(make, host, url):
    assert make(hosts=host).raw._url == url


def test_the_timeout_is_that_of_the_options(make, silent):
    client = make(hosts=[silent], timeout=0.2)
    assert client.raw.timeout == 0.2
    with pytest.raises((etcd3.exceptions.ConnectionTimeoutError, etcd3.exceptions.ConnectionFailedError)):
        client.raw.get("k")


def test_grpc_options_are_passed_on(make, fragile):
    client = make(hosts=[fragile.endpoint], namespace="", grpc_options={"grpc.max_receive_message_length": 1000})
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


async def test_closing_ends_its_watching_thread_in_silence(face, options):
    client = face.service(options)
    client.raw.add_watch_callback("k", lambda answer: None)
    watching = client.raw.watcher._callback_thread
    await closed(client)
    watching.join(10)
    assert not watching.is_alive()


def test_its_watches_do_not_spin_while_the_server_is_away(make, fragile, monkeypatch):
    raw = make(hosts=[fragile.endpoint], retry={"maximum": 0.2}).raw
    raw.add_watch_callback("k", lambda answer: None)
    opened, stream = threading.Semaphore(0), raw._calls.intercept_stream_stream
    monkeypatch.setattr(raw._calls, "intercept_stream_stream", lambda *call: (opened.release(), stream(*call))[1])
    begin = time.monotonic()
    fragile.kill()
    for _ in range(4):
        assert opened.acquire(timeout=20)
    assert time.monotonic() - begin >= (4 - 2) * 0.2  # a pause lies between any two; spinning takes no time
    fragile.start()
    heard = Heard()
    until(lambda: raw.add_watch_callback("k", heard))  # it makes no call twice by itself
    until(lambda: raw.put("k", "v"))
    assert heard.wait()[-1] == (b"k", b"v")


async def test_a_service_without_a_raw_client_closes(face, options):
    client = face.service(options)
    await settle(client.get("k").string())
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        _ = client.raw


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own(client):
    before = client.raw
    pid = os.fork()
    if not pid:
        os._exit(0 if client.raw is not before else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert client.raw is before


def test_a_refused_token_is_fetched_again(make, guarded):
    server, options = guarded
    raw = make(**options).raw
    raw.put("raw/k", "1")
    renew(server)
    raw.put("raw/k", "2")
    renew(server)
    assert raw.get("raw/k")[0] == b"2"


def test_a_watch_shows_the_token(make, guarded):
    raw, heard = make(**guarded[1]).raw, Heard()
    raw.add_watch_callback("raw/k", heard)
    raw.put("raw/k", "v")
    assert heard.wait() == [(b"raw/k", b"v")]


def test_a_call_without_permission_is_refused(make, guarded):
    with pytest.raises(Exception, match="permission denied"):
        make(**guarded[1]).raw.get("elsewhere")


def test_a_wrong_password_is_an_error_of_both_kinds(make, guarded):
    options = {**guarded[1], "auth": {"username": "alice", "password": "mistaken"}}
    with pytest.raises(errors.AuthenticationFailedError) as caught:
        make(**options).raw.get("raw/k")
    assert isinstance(caught.value, etcd3.exceptions.Etcd3Exception)
    with pytest.raises(Exception, match="authentication failed"):
        make(**options).raw.add_watch_callback("raw/k", lambda answer: None)


def test_the_password_may_be_asked_for(make, guarded):
    options = {**guarded[1], "auth": {"username": "alice", "password": lambda: "wonder"}}
    assert make(**options).raw.get("raw/none") == (None, None)


def test_a_password_is_no_harm_where_none_is_wanted(make):
    client = make(auth={"username": "alice", "password": "wonder"})
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
def test_our_errors_are_caught_as_those_of_python_etcd3(client, ours, theirs):
    assert client.raw
    assert issubclass(ours, getattr(etcd3.exceptions, theirs))


async def test_what_it_raises_is_caught_as_ours_would_be(make, refusing):
    client = make(hosts=[refusing], timeout=0.3)
    with pytest.raises(etcd3.exceptions.ConnectionFailedError):
        client.raw.get("k")
    with pytest.raises((etcd3.exceptions.ConnectionFailedError, etcd3.exceptions.ConnectionTimeoutError)):
        await settle(client.get("k").string())
