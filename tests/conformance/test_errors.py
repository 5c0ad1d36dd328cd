"""The errors that a server returns, and their attributes."""

import pickle

import grpc
import pytest

from etcd_factory import ETCDService, errors, ops
from etcd_factory.errors import etcd3
from etcd_factory.testing import EtcdServer
from tests.support.faces import failure, listed, settle

SECRET = "a-value-that-is-nobodys-business"
FUTURE = 10**9

CASES = {
    "KeyNotFoundError": ("put", "INVALID_ARGUMENT", lambda c: c.put("some-key").touch()),
    "LeaseNotFoundError": ("put", "NOT_FOUND", lambda c: c.put("some-key").lease(99).value(SECRET)),
    "FutureRevisionError": ("get", "OUT_OF_RANGE", lambda c: c.get("some-key").revision(FUTURE).string()),
    "RequestTooLargeError": ("put", None, lambda c: c.put("some-key").value(SECRET * 100_000)),
    "DuplicateKeyError": (
        "txn",
        "INVALID_ARGUMENT",
        lambda c: c.txn().then(*[ops.put("k").value(SECRET)] * 2).commit(),
    ),
    "EtcdError": ("put", "INVALID_ARGUMENT", lambda c: c.put("").value(SECRET)),
}


@pytest.mark.parametrize("name", CASES)
async def test_an_error_has_the_operation_and_the_servers_reply(make, options, name):
    operation, code, call = CASES[name]
    error = await failure(lambda: call(make(namespace="")))
    assert type(error).__name__ == name
    assert error.code == (code or error.code)
    assert error.message.startswith(("etcdserver: ", "grpc: "))
    assert error.endpoint == options["hosts"][0]
    assert error.operation.startswith(operation)
    assert error.attempts == 1
    assert not error.maybe_applied


@pytest.mark.parametrize("name", CASES)
async def test_the_cause_of_an_error_is_the_grpc_error(make, name):
    error = await failure(lambda: CASES[name][2](make(namespace="", transport="grpc")))
    assert isinstance(error.__cause__, grpc.RpcError)
    assert error.message.startswith(error.__cause__.details())  # with sizes where the request is too large


@pytest.mark.parametrize("name", CASES)
async def test_an_error_is_equal_after_pickling(make, name):
    error = await failure(lambda: CASES[name][2](make(namespace="")))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again), str(again)) == (type(error), vars(error), str(error))


@pytest.mark.parametrize("name", CASES)
async def test_an_error_contains_no_value(make, name):
    error = await failure(lambda: CASES[name][2](make(namespace="")))
    assert SECRET not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize(
    "name", ["KeyNotFoundError", "LeaseNotFoundError", "FutureRevisionError", "RequestTooLargeError"]
)
async def test_an_error_names_the_key(client, name):
    assert "'some-key'" in str(await failure(lambda: CASES[name][2](client)))


async def test_the_error_of_a_range_read_names_its_start(client):
    error = await failure(lambda: client.get_all().prefix("p/").revision(FUTURE).keys())
    assert error.operation.startswith("get")
    assert "'p/'" in error.operation


async def test_an_error_while_iterating_names_the_start(client):
    with pytest.raises(errors.FutureRevisionError) as caught:
        await listed(client.get_all().prefix("p/").revision(FUTURE))
    assert caught.value.operation.startswith("get")
    assert "'p/'" in caught.value.operation


async def test_a_compacted_revision_is_an_error_of_python_etcd3_too(make, fragile):
    client = make(hosts=[fragile.endpoint])
    old = await settle(client.put("k").value("old"))
    new = await settle(client.put("k").value("new"))
    fragile.etcdctl("compact", str(new.revision))
    error = await failure(lambda: client.get("k").revision(old.revision).string())
    assert isinstance(error, errors.CompactedError)
    assert isinstance(error, etcd3.module.RevisionCompactedError)
    assert (error.code, error.operation.split()[0]) == ("OUT_OF_RANGE", "get")


@pytest.fixture(scope="module")
def full():
    """A server whose quota is used up by the first write."""
    with EtcdServer(args=["--quota-backend-bytes=1"]) as server:
        yield server


async def test_a_full_database_is_an_error_with_the_next_step(make, full):
    error = await failure(lambda: make(hosts=[full.endpoint]).put("k").value(SECRET))
    assert type(error) is errors.NoSpaceError
    assert error.code == "RESOURCE_EXHAUSTED"
    assert error.maybe_applied  # etcd applies some writes before it says so
    assert "defragment" in str(error)


async def test_a_transaction_refused_for_lack_of_space_may_have_been_applied(make, full):
    client = make(hosts=[full.endpoint])
    error = await failure(lambda: client.txn().then(ops.put("k").value(SECRET)).commit())
    assert (type(error), error.maybe_applied) == (errors.NoSpaceError, True)


async def test_a_refused_connection_is_a_connection_error(make, refusing, is_grpc):
    client = make(hosts=[refusing], retry={"attempts": 3})
    error = await failure(lambda: client.put("k").value(SECRET))
    assert isinstance(error, errors.ConnectionFailedError)
    assert isinstance(error, etcd3.module.ConnectionFailedError)
    assert (error.code, error.endpoint) == ("UNAVAILABLE", refusing)
    assert error.attempts == 3
    assert "is etcd running there" in str(error)
    assert isinstance(error.__cause__, grpc.RpcError if is_grpc else ConnectionRefusedError)


async def test_code_written_for_python_etcd3_catches_our_errors(make, refusing):
    with pytest.raises(etcd3.module.Etcd3Exception):
        await settle(make(hosts=[refusing], dial_timeout=0.1).get("k").string())
    with pytest.raises(etcd3.module.ConnectionFailedError):
        await settle(make(hosts=[refusing], dial_timeout=0.1).get("k").string())


def test_the_password_is_not_shown():
    with ETCDService({"auth": {"username": "root", "password": SECRET}}) as client:
        shown = f"{client!r} {client.options!r} {client.options} {client.get('k')!r} {client.put('k')!r}"
    assert SECRET not in shown
