"""Reads, writes and deletions of any keys and ranges, against a model of the store; any numbers in any builder."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory import ETCDService, ops
from etcd_factory.errors import EtcdFactoryError
from tests.support.bounds import cpu_seconds
from tests.support.models import StoreModel

MOST = 2.0  # seconds of the processor for one example
FEW = settings(max_examples=50, suppress_health_check=list(HealthCheck))
KEYS = st.binary(min_size=1, max_size=3) | st.sampled_from([b"a", b"b", b"ab", b"\xff", b"a\xff", b"\xff\xff", b"\0"])
PREFIXES = st.binary(max_size=2) | st.sampled_from([b"a", b"\xff", b"\xff\xff"])
RANGES = st.tuples(KEYS, KEYS).filter(lambda pair: pair[0] < pair[1])
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.binary(max_size=4)),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("delete prefix"), PREFIXES),
    st.tuples(st.just("delete range"), RANGES),
)


@pytest.fixture
def blocking(options):
    """A blocking client: the rules are those of both faces, and hypothesis runs no coroutines."""
    with closing(ETCDService(options)) as client:
        yield client


def taken(client, model, step):
    """Take a step in the store and in the model; both must say the same."""
    kind, *args = step
    if kind == "put":
        assert client.put(args[0]).value(args[1]).revision == model.put(*args)
    elif kind == "delete":
        assert client.delete().key(args[0]).deleted == model.delete(args[0], args[0] + b"\0")
    elif kind == "delete range":
        assert client.delete().range(*args[0]).deleted == model.delete(*args[0])
    else:
        gone = [model.delete(kv.key, kv.key + b"\0") for kv in model.prefixed(args[0])]
        model.revision, model.states = rejoined(model, len(gone))
        assert client.delete().prefix(args[0]).deleted == len(gone)


def rejoined(model, steps):
    """Return the revision and the states of a model whose last steps were one transaction."""
    if steps < 2:
        return model.revision, model.states
    first = model.revision - steps + 1
    kept = {revision: state for revision, state in model.states.items() if revision < first}
    return first, {**kept, first: model.state}


@FEW
@given(st.lists(STEPS, max_size=12), RANGES, PREFIXES, st.integers(1, 4), st.data())
def test_reads_agree_with_a_model_of_the_store(blocking, steps, pair, prefix, limit, data):
    blocking.delete().all()
    model = StoreModel(blocking.get("none").exec().revision)
    for step in steps:
        taken(blocking, model, step)
    revision = data.draw(st.sampled_from(sorted(model.states)))

    everything = blocking.get_all()
    assert everything.kvs() == model.range(b"", None)
    assert everything.prefix(prefix).kvs() == model.prefixed(prefix)
    assert everything.range(*pair).kvs() == model.range(*pair)
    assert everything.range(*pair).limit(limit).kvs() == model.range(*pair)[:limit]
    assert everything.prefix(prefix).revision(revision).kvs() == model.prefixed(prefix, revision)
    assert everything.prefix(prefix).count() == len(model.prefixed(prefix))
    assert [*everything.prefix(prefix).key_bytes()] == [kv.key for kv in model.prefixed(prefix)]
    assert blocking.get(pair[0]).kv() == model.state.get(pair[0])
    newest = sorted(model.range(b"", None), key=lambda kv: kv.mod_revision, reverse=True)
    assert everything.sort("mod", "descend").kvs() == newest


ANY = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, 2**64]),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
)
BUILDERS = {
    "key": lambda client, given: client.get(given).op(),
    "prefix": lambda client, given: client.get_all().prefix(given).op(),
    "range": lambda client, given: client.get_all().range(given, given).op(),
    "revision": lambda client, given: client.get("k").revision(given).op(),
    "limit": lambda client, given: client.get_all().limit(given).op(),
    "least": lambda client, given: client.get_all().min_mod_revision(given).op(),
    "sort": lambda client, given: client.get_all().sort(given, given).op(),
    "lease": lambda client, given: ops.put("k").lease(given).value("v"),
    "value": lambda client, given: ops.put("k").value(given),
    "ttl": lambda client, given: client.lease(given),
    "id": lambda client, given: client.lease(9, id=given),
    "lock": lambda client, given: client.lock(given, given),
    "compared number": lambda client, given: ops.if_("k", "mod", "==", given),
    "compared value": lambda client, given: ops.if_("k", "value", "==", given),
    "operator": lambda client, given: ops.if_("k", given, given, 1),
    "watch": lambda client, given: client.watch().start_revision(given),
    "timeout": lambda client, given: client.with_options(timeout=given),
}


OURS = (EtcdFactoryError, TypeError, ValueError)


def complaint(call):
    """Return what is said of an argument, an empty text if it is taken; no other error is raised, and soon."""
    try:
        with cpu_seconds(MOST):
            call()
    except OURS as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("name", BUILDERS)
@FEW
@given(given=ANY)
def test_a_builder_takes_what_it_is_given_or_says_what_is_wrong(blocking, name, given):
    """In our words: protobuf says "Value out of range", and not of which number."""
    said = complaint(lambda: BUILDERS[name](blocking, given))
    assert not said.endswith("Error: ")
    assert "Value out of range" not in said


CALLS = {
    "revision": lambda client, given: client.get("k").revision(given).exec(),
    "limit": lambda client, given: client.get_all().limit(given).kvs(),
    "lease": lambda client, given: client.put("k").lease(given).value("v"),
    "time to live": lambda client, given: client.lease_of(given).time_to_live(),
    "compared number": lambda client, given: client.if_("k", "mod", "<", given).then(ops.get("k").kv()).commit(),
}


@pytest.mark.parametrize("name", CALLS)
@FEW
@given(given=ANY)
def test_a_number_that_is_taken_is_one_for_the_server_too(blocking, name, given):
    said = complaint(lambda: CALLS[name](blocking, given))
    assert "Value out of range" not in said
    assert "INTERNAL" not in said
