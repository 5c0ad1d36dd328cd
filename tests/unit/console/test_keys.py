from __future__ import annotations

import pytest

from etcd_factory.console.keys import EARLIER, SHOWN
from etcd_factory.console.values import decoded, encoded


def value(kv):
    return decoded(kv["value"]["base64"])


def body(key, data, revision):
    return {"key": encoded(key), "value": encoded(data), "if_revision": revision}


async def test_children_with_their_count(page, etcd):
    for key in ("a/1", "a/2", "b"):
        etcd.put(key).value("v")
    _, top = await page("children")
    assert ([*map(decoded, top["keys"])], top["next"], top["count"]) == ([b"a/", b"b"], None, 3)
    _, below = await page("children", prefix=b"a/")
    assert ([*map(decoded, below["keys"])], below["count"]) == ([b"a/1", b"a/2"], 2)


async def test_a_search(page, etcd):
    for key in ("xa", "ay", "b"):
        etcd.put(key).value("v")
    for how, expected in (("contains", [b"ay", b"xa"]), ("begins", [b"ay"])):
        _, found = await page("search", text=b"a", how=how)
        assert [*map(decoded, found["keys"])] == expected


async def test_the_client_is_chosen_by_its_name(page, etcd):
    etcd.put("two/k").value("v")
    assert value((await page("key", key=b"k", client="two"))[1]["kv"]) == b"v"
    assert (await page("key", key=b"k"))[1]["kv"] is None
    assert await page("key", key=b"k", client="three") == (
        404,
        {"error": "no etcd client named 'three'; the clients are: one, two", "kind": "InstanceNotFoundError"},
    )


async def test_a_large_value_is_cut_unless_all_is_asked_for(page, etcd):
    etcd.put("k").value(b"x" * (SHOWN + 1))
    _, found = await page("key", key=b"k")
    assert (len(value(found["kv"])), found["kv"]["value"]["size"]) == (SHOWN, SHOWN + 1)
    _, found = await page("key", key=b"k", all="1")
    assert len(value(found["kv"])) == SHOWN + 1


async def test_a_key_as_it_was(page, etcd):
    first = etcd.put("k").value("1").revision
    etcd.put("k").value("2")
    assert value((await page("key", key=b"k", revision=str(first)))[1]["kv"]) == b"1"
    assert value((await page("key", key=b"k"))[1]["kv"]) == b"2"


async def test_the_history_goes_back_to_the_creation(page, etcd):
    etcd.put("k").value("before")
    etcd.delete().key("k")
    for number in range(3):
        etcd.put("k").value(str(number))
        etcd.put("other").value("")
    _, found = await page("history", key=b"k")
    assert [value(kv) for kv in found["kvs"]] == [b"2", b"1", b"0"]
    assert ("created" in found["end"], found["next"]) == (True, None)


async def test_a_long_history_has_pages(page, etcd):
    for number in range(EARLIER + 2):
        etcd.put("k").value(str(number))
    _, first = await page("history", key=b"k")
    assert (len(first["kvs"]), first["end"]) == (EARLIER, "")
    _, rest = await page("history", key=b"k", before=str(first["next"]))
    assert [value(kv) for kv in rest["kvs"]] == [b"1", b"0"]


async def test_the_history_ends_at_a_compaction_and_says_so(page, etcd):
    revisions = [etcd.put("k").value(str(number)).revision for number in range(4)]
    etcd.compact(revisions[2])
    _, found = await page("history", key=b"k")
    assert [value(kv) for kv in found["kvs"]] == [b"3", b"2"]
    assert "has been compacted" in found["end"]


async def test_what_is_not_there_has_no_history(page):
    assert await page("history", key=b"k") == (200, {"kvs": [], "end": "There is no such key.", "next": None})


async def test_a_value_is_written_if_the_key_is_as_it_was_shown(page, etcd):
    lease = etcd.lease(60)
    revision = etcd.put("k").lease(lease).value("1").revision
    status, done = await page("key", method="PUT", json=body(b"k", b"\xff", revision))
    assert (status, done) == (200, {"revision": revision + 1})
    assert (etcd.get("k").bytes(), etcd.get("k").kv().lease) == (b"\xff", lease.id)


async def test_a_change_that_somebody_made_meanwhile_is_kept(page, etcd):
    first = etcd.put("k").value("1").revision
    second = etcd.put("k").value("theirs").revision
    status, refused = await page("key", method="PUT", json=body(b"k", b"mine", first))
    assert (status, refused["kind"], value(refused["current"])) == (409, "Conflict", b"theirs")
    assert refused["error"] == f"Nothing was changed: somebody changed the key at revision {second}."
    assert (await page("key", method="DELETE", key=b"k", if_revision=str(first)))[0] == 409
    assert etcd.get("k").string() == "theirs"


async def test_a_key_is_created_only_if_there_is_none(page, etcd):
    assert (await page("key", method="PUT", json=body(b"k", b"1", 0)))[0] == 200
    assert (await page("key", method="PUT", json=body(b"k", b"2", 0)))[0] == 409
    assert etcd.get("k").string() == "1"


async def test_a_key_that_was_deleted_meanwhile_is_not_written(page, etcd):
    revision = etcd.put("k").value("1").revision
    etcd.delete().key("k")
    status, refused = await page("key", method="PUT", json=body(b"k", b"2", revision))
    assert (status, refused["error"]) == (409, "Nothing was changed: there is no such key any more.")
    assert not etcd.get("k").exists()


async def test_a_key_is_deleted_if_it_is_as_it_was_shown(page, etcd):
    revision = etcd.put("k").value("1").revision
    assert (await page("key", method="DELETE", key=b"k", if_revision=str(revision)))[0] == 200
    assert not etcd.get("k").exists()


@pytest.mark.parametrize("revision", [None, "2", 1.5, -1])
async def test_a_write_without_a_revision_is_refused(page, etcd, revision):
    etcd.put("k").value("1")
    assert (await page("key", method="PUT", json=body(b"k", b"2", revision)))[0] == 400
    assert etcd.get("k").string() == "1"
    assert (await page("key", method="DELETE", key=b"k", if_revision="x"))[0] == 400


async def test_a_deletion_without_a_revision_deletes_nothing(page, etcd):
    etcd.put("k").value("1")
    assert (await page("key", method="DELETE", key=b"k"))[0] == 409
    assert etcd.get("k").exists()
