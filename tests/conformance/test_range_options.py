"""Every option of a range read, compared with etcdctl on the same server."""

import json
from base64 import b64decode

import pytest

from etcd_factory import KeyValue, ops
from etcd_factory.model.ranges import prefix_end
from tests.support.faces import fill, settle

TARGETS = {"key": "KEY", "version": "VERSION", "create": "CREATE", "mod": "MODIFY", "value": "VALUE"}
ORDERS = {"ascend": "ASCEND", "descend": "DESCEND", "none": ""}
STEPS = [("a", "9"), ("b", "3"), ("c", "5"), ("b", "7"), ("d", "1"), ("a", "2"), ("e", "4"), ("b", "6")]
ODD = [b"a", b"a\xfe", b"a\xff", b"a\xff\x00", b"a\xff\xff", b"b", b"\xfe", b"\xff", b"\xff\x00", b"\xff\xff"]


@pytest.fixture
async def revisions(client):
    """The revisions of the puts of ``STEPS``, which every sort order puts in another sequence."""
    return [(await settle(client.put(key).value(value))).revision for key, value in STEPS]


@pytest.fixture
def theirs(etcdctl, etcd_namespace):
    """Returns what etcdctl finds in the namespace, in its order."""

    def find(*flags, start="", end=None):
        where = [etcd_namespace + start, etcd_namespace + end] if end else [etcd_namespace + start, "--prefix"]
        answer = json.loads(etcdctl("get", *where, *flags, "-w", "json"))
        return (
            [read(kv, len(etcd_namespace)) for kv in answer.get("kvs", ())],
            answer.get("count", 0),
            answer.get("more", False),
        )

    return find


def read(kv, skip):
    """Return a key of etcdctl's output, which omits what is 0 or empty."""
    numbers = [kv.get(name, 0) for name in ("create_revision", "mod_revision", "version", "lease")]
    return KeyValue(b64decode(kv["key"])[skip:], b64decode(kv.get("value", "")), *numbers)


async def ours(builder):
    found = await settle(builder.exec())
    return list(found.kvs), found.count, found.more


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("target", TARGETS)
async def test_sort_returns_what_etcdctl_does(client, revisions, theirs, target, order):
    flags = [f"--sort-by={TARGETS[target]}", f"--order={ORDERS[order]}"]
    expected = theirs(*flags)
    assert await ours(client.get_all().sort(target, order)) == expected
    assert await settle(client.get_all().sort(target, order).kvs()) == expected[0]


@pytest.mark.parametrize("order", ["ascend", "descend"])
@pytest.mark.parametrize("target", TARGETS)
async def test_limit_with_sort_returns_what_etcdctl_does(client, revisions, theirs, target, order):
    expected = theirs(f"--sort-by={TARGETS[target]}", f"--order={ORDERS[order]}", "--limit=3")
    assert await ours(client.get_all().sort(target, order).limit(3)) == expected
    assert await settle(client.get_all().sort(target, order).limit(3).kvs()) == expected[0]


@pytest.mark.parametrize("limit", [0, 1, 4, 5, 6])
async def test_limit_returns_what_etcdctl_does(client, revisions, theirs, limit):
    assert await ours(client.get_all().limit(limit)) == theirs(f"--limit={limit}")


async def test_each_revision_returns_what_etcdctl_does(client, revisions, theirs):
    for revision in revisions:
        assert await ours(client.get_all().revision(revision)) == theirs(f"--rev={revision}")


async def test_keys_only_returns_what_etcdctl_does(client, revisions, theirs):
    found, _, _ = theirs("--keys-only")
    assert await settle(client.get_all().key_bytes()) == [kv.key for kv in found]
    assert {kv.value for kv in found} == {b""}


@pytest.mark.parametrize("limit", [0, 2])
async def test_count_only_returns_what_etcdctl_does(client, revisions, etcdctl, etcd_namespace, limit):
    answer = json.loads(etcdctl("get", etcd_namespace, "--prefix", f"--limit={limit}", "-w", "json"))
    assert answer["count"] == 5  # whether keys come with it or not: etcdctl 3.4 has no --count-only
    assert await settle(client.get_all().limit(limit).count()) == 5


async def test_a_serializable_read_returns_what_etcdctl_does(client, revisions, theirs):
    assert await ours(client.get_all().serializable()) == theirs("--consistency=s")


async def test_a_range_returns_what_etcdctl_does(client, revisions, theirs):
    assert await ours(client.get_all().range("b", "d")) == theirs(start="b", end="d")


@pytest.mark.parametrize(
    ("modifier", "fact", "holds"),
    [
        ("min_mod_revision", "mod_revision", int.__ge__),
        ("max_mod_revision", "mod_revision", int.__le__),
        ("min_create_revision", "create_revision", int.__ge__),
        ("max_create_revision", "create_revision", int.__le__),
    ],
)
async def test_revision_bounds_filter_what_etcdctl_finds(client, revisions, theirs, modifier, fact, holds):
    every, _, _ = theirs()  # etcdctl 3.5 has no flags for these
    for revision in revisions:
        found = await settle(getattr(client.get_all(), modifier)(revision).kvs())
        assert found == [kv for kv in every if holds(getattr(kv, fact), revision)]


async def test_options_work_together(client, revisions, theirs):
    revision = revisions[6]
    flags = [f"--rev={revision}", "--sort-by=VALUE", "--order=DESCEND", "--limit=2"]
    builder = client.get_all().prefix("").revision(revision).sort("value", "descend").limit(2).serializable()
    assert await ours(builder) == theirs(*flags)


async def test_a_range_to_the_end_of_all_keys_returns_what_etcdctl_does(make, revisions, etcdctl, etcd_namespace):
    start = etcd_namespace + "c"
    answer = json.loads(etcdctl("get", start, "--from-key", "-w", "json"))
    found = await settle(make(namespace="").get_all().range(start, "\0").kvs())
    assert found == [read(kv, 0) for kv in answer["kvs"]]


async def test_a_range_to_the_end_of_all_keys_ends_with_the_namespace(client, make, revisions, etcd_namespace):
    behind = prefix_end(etcd_namespace.encode())
    outside = make(namespace="")
    await settle(outside.put(behind).value("behind"))
    try:
        assert await settle(client.get_all().range("c", "\0").key_bytes()) == [b"c", b"d", b"e"]
    finally:
        await settle(outside.delete().key(behind))


@pytest.mark.parametrize("prefix", [b"", b"a", b"a\xff", b"a\xff\xff", b"\xff", b"\xff\xff", b"\xfe", b"b"])
async def test_a_prefix_that_is_not_utf_8_selects_the_keys_that_start_with_it(client, prefix):
    await fill(client, dict.fromkeys(ODD, "v"))
    expected = sorted(key for key in ODD if key.startswith(prefix))
    assert await settle(client.get_all().prefix(prefix).key_bytes()) == expected
    assert (await settle(client.delete().prefix(prefix))).deleted == len(expected)


@pytest.mark.parametrize("prefix", [b"a\xff", b"\xff"])
async def test_a_prefix_that_is_not_utf_8_works_without_a_namespace(make, prefix):
    outside = make(namespace="")
    await fill(outside, dict.fromkeys(ODD, "v"))
    try:
        expected = sorted(key for key in ODD if key.startswith(prefix))
        assert await settle(outside.get_all().prefix(prefix).key_bytes()) == expected
    finally:
        await settle(outside.batch([ops.delete().key(key) for key in ODD]))
