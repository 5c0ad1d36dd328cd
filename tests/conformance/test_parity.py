"""Both faces have the same names and take the same arguments."""

import inspect

import pytest

import etcd_factory
from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ETCDService, ETCDServiceFactory, ops
from etcd_factory.core.bound import Bound
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import closed, settle

PAIRS = [
    (ETCDService, AsyncETCDService),
    (ETCDServiceFactory, AsyncETCDServiceFactory),
    (etcd_factory.ServiceFactory, etcd_factory.AsyncServiceFactory),
]
CLOSING = {"aclose": "close"}
ENTERING = {"__enter__": "__aenter__", "__exit__": "__aexit__"}

STARTS = {
    "get": lambda c: c.get("k"),
    "get_all": lambda c: c.get_all(),
    "put": lambda c: c.put("k"),
    "delete": lambda c: c.delete(),
    "put if": lambda c: c.put("k").if_revision(1),
    "delete if": lambda c: c.delete().if_revision(1),
    "txn": lambda c: c.txn(),
    "if_": lambda c: c.if_("k", "version", "==", 0),
    "namespace": lambda c: c.namespace("n"),
    "with_options": lambda c: c.with_options(timeout=1),
    "role": lambda c: c.role("r"),
    "user": lambda c: c.user("u"),
    "auth": lambda c: c.auth,
    "cluster": lambda c: c.cluster,
    "maintenance": lambda c: c.maintenance,
}
MODIFIERS = {
    "get": [lambda b: b.revision(1), lambda b: b.serializable()],
    "get_all": [
        lambda b: b.prefix("p"),
        lambda b: b.range("a", "b"),
        lambda b: b.all(),
        lambda b: b.limit(1),
        lambda b: b.sort("key", "none"),
        lambda b: b.revision(1),
        lambda b: b.serializable(),
        lambda b: b.min_mod_revision(1),
        lambda b: b.max_mod_revision(1),
        lambda b: b.min_create_revision(1),
        lambda b: b.max_create_revision(1),
    ],
    "put": [lambda b: b.lease(1), lambda b: b.ignore_lease(), lambda b: b.previous()],
    "delete": [lambda b: b.previous()],
    "put if": [lambda b: b.lease(1), lambda b: b.ignore_lease()],
    "txn": [lambda b: b.and_("k", "mod", ">", 1), lambda b: b.then(ops.get("k")), lambda b: b.else_(ops.get("k"))],
}
TERMINALS = {
    "get": "string bytes json number exists kv exec",
    "get_all": "keys key_bytes strings bytes json numbers count kvs exec",
    "put": "value json touch",
    "put if": "value json touch",
    "delete if": "key",
    "delete": "key prefix range all",
    "txn": "commit",
}
CALLS = [(start, index) for start, modifiers in MODIFIERS.items() for index in range(len(modifiers))]


def surface(thing):
    """Return the public names; closing has one name for both faces."""
    return {CLOSING.get(name, name) for name in dir(thing) if not name.startswith("_")}


def shape(function):
    """Return the parameters of a function, without annotations."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.fixture
def blocking():
    with ETCDService() as client:
        yield client


@pytest.fixture
async def waiting():
    async with AsyncETCDService() as client:
        yield client


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_both_faces_have_the_same_names(one, other):
    assert surface(one) == surface(other)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_both_faces_take_the_same_arguments(one, other):
    for name in surface(one):
        mine, theirs = getattr(one, name), getattr(other, name if hasattr(other, name) else f"a{name}")
        assert callable(mine) == callable(theirs)
        if callable(mine):
            assert shape(mine) == shape(theirs), name
    assert shape(one) == shape(other)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_each_face_has_its_own_context_manager(one, other):
    """The one of the other face is an error that says which to write; type checkers do not see it."""
    for mine, theirs in ENTERING.items():
        assert hasattr(one, mine)
        assert inspect.iscoroutinefunction(getattr(other, theirs))
    with pytest.raises(TypeError, match="is for asyncio: enter it with 'async with'"):
        other.__enter__(None)
    with pytest.raises(TypeError, match="blocks: enter it with 'with'"):
        one.__aenter__(None)


@pytest.mark.parametrize("start", STARTS)
async def test_what_a_call_returns_has_the_same_names_in_both_faces(blocking, waiting, start):
    one, other = STARTS[start](blocking), STARTS[start](waiting)
    assert surface(one) == surface(other)
    for name in surface(one) - {"close", "endpoint", "options", "raw", "auth", "cluster", "maintenance", "name"}:
        assert shape(getattr(one, name)) == shape(getattr(other, name)), name


@pytest.mark.parametrize(("start", "index"), CALLS)
async def test_a_modifier_returns_a_new_builder_of_the_same_class_and_face(blocking, waiting, start, index):
    for client in (blocking, waiting, ops):
        builder = STARTS[start](client)
        made = MODIFIERS[start][index](builder)
        assert made is not builder
        assert type(made) is type(builder)


RUNS = {
    "get": lambda b: b.exists(),
    "get_all": lambda b: b.count(),
    "put": lambda b: b.touch(),
    "put if": lambda b: b.touch(),
    "delete": lambda b: b.all(),
    "txn": lambda b: b.commit(),
}


def reply_to(operation):
    """The reply to an operation of a transaction."""
    return replies.put() if operation.HasField("request_put") else replies.get()


REPLIES = {
    "Range": replies.get(),
    "Put": replies.put(),
    "DeleteRange": replies.delete(),
    "Txn": lambda call: replies.txn(*map(reply_to, call.request.success)),
}


@pytest.mark.parametrize(("start", "index"), CALLS)
async def test_a_modified_builder_runs_on_its_client(face, start, index):
    transport = ScriptedTransport(REPLIES)
    client = face.service(transport=transport)
    await settle(RUNS[start](MODIFIERS[start][index](STARTS[start](client))))
    assert len(transport.calls) == 1
    await closed(client)


@pytest.mark.parametrize(("start", "index"), CALLS)
def test_a_modified_builder_of_ops_describes_an_operation(start, index):
    operation = RUNS[start](MODIFIERS[start][index](STARTS[start](ops)))
    assert f"[{repr(operation)[len('<Op ') : -1]}]" in repr(ops.txn().then(operation))


@pytest.mark.parametrize("start", TERMINALS)
def test_a_builder_has_its_terminals_and_modifiers(blocking, start):
    listed = {
        "txn": "and_ then else_",
        "put": "lease ignore_lease previous if_revision if_absent",
        "put if": "lease ignore_lease",
        "delete": "previous if_revision",
        "delete if": "",
    }
    read = "revision serializable"
    ranged = (
        f"{read} prefix range all limit sort min_mod_revision max_mod_revision min_create_revision max_create_revision"
    )
    modifiers = {"get": read, "get_all": ranged, **listed}[start]
    assert surface(STARTS[start](blocking)) >= {*TERMINALS[start].split(), *modifiers.split()}


@pytest.mark.parametrize("start", ["get", "get_all", "put", "put if", "delete", "delete if", "txn", "if_"])
def test_the_unbound_builders_are_those_of_a_client(blocking, start):
    assert surface(STARTS[start](ops)) == surface(STARTS[start](blocking))
    assert isinstance(STARTS[start](ops), Bound)


async def test_a_terminal_is_a_coroutine_in_asyncio(waiting):
    for call in (waiting.get("k").string(), waiting.put("k").value("v"), waiting.delete().all(), waiting.batch([])):
        assert inspect.iscoroutine(call)
        call.close()


def test_configuration_is_loaded_with_the_same_arguments_in_both_faces():
    assert shape(etcd_factory.load_config) == shape(etcd_factory.aload_config)
