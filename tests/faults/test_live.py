"""A live configuration whose etcd fails: the last good value stays, and it is current again when etcd is back."""

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial

import pytest

from etcd_factory import errors
from etcd_factory.configcenter import fallback
from tests.support.config_centers import CENTERS, Database, Settings, changes, eventually, follow, records, save
from tests.support.faces import closed, settle
from tests.support.faulty import compact, lose_data, write_history
from tests.support.watching import nothing_left, threads

ROUNDS = 10
REWRITES = 100
DEFAULT = Settings("default")


@pytest.fixture
def center(face, proxied):
    """A configuration center whose connections go through the proxy."""
    return CENTERS[face.name](proxied.with_options(timeout=1))


@pytest.fixture
def writer(face, direct):
    """A configuration center with connections of its own to the server."""
    return CENTERS[face.name](direct)


@pytest.fixture
async def file(writer, tmp_path):
    """A fallback file that an earlier run has written."""
    file = tmp_path / "last.json"
    await save(writer, level="kept")
    await settle((await follow(writer, Settings, file)).close())
    return file


@pytest.fixture
def cut_off(face, proxied, proxy):
    """A configuration center whose etcd is away."""
    proxy.cut()
    return CENTERS[face.name](proxied.with_options(timeout=0.5))


# --- the start without etcd


async def test_a_start_without_etcd_raises_the_error(cut_off):
    before = threads()
    with pytest.raises(errors.EtcdError):
        await follow(cut_off, Settings)
    await nothing_left(before)


async def test_a_start_without_etcd_uses_the_fallback_file(cut_off, file, caplog):
    live = await follow(cut_off, Settings, file, default=Settings("default"))
    assert (live.value, live.source, isinstance(live.error, errors.EtcdError)) == (Settings("kept"), "fallback", True)
    assert live.revision == json.loads(file.read_text())["revision"]
    assert any(str(file) in message for message in records(caplog, "WARNING"))


async def test_the_fallback_file_of_the_center_is_used_too(face, proxied, proxy, file):
    proxy.cut()
    center = CENTERS[face.name](proxied.with_options(timeout=0.5), fallback=file)
    assert (await follow(center, Settings)).value == Settings("kept")


async def test_a_start_without_etcd_and_file_uses_the_default(cut_off, tmp_path, caplog):
    live = await follow(cut_off, Settings, tmp_path / "none", default=Settings("default"))
    assert (live.value, live.source, isinstance(live.error, errors.EtcdError)) == (Settings("default"), "default", True)
    assert any("cannot be read" in message for message in records(caplog, "ERROR"))


async def test_none_is_a_default_too(cut_off):
    live = await follow(cut_off, default=None)
    assert (live.value, live.source) == (None, "default")


BROKEN = {
    "truncated": (lambda text: text[: len(text) // 2], "is truncated"),
    "of another version": (lambda text: text.replace('"version": 1', '"version": 2'), "does not have version 1"),
    "of another prefix": (lambda text: text.replace('"config/"', '"other/"'), "was written for another prefix"),
    "changed by hand": (lambda text: text.replace("kept", "kopt"), "its checksum does not match"),
    "with another revision": (
        lambda text: text.replace('"revision": ', '"revision": "x", "was": '),
        "the fallback file",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_file_that_cannot_be_used_is_reported_and_the_default_is_used(cut_off, file, caplog, name):
    change, reason = BROKEN[name]
    text = file.read_text()
    assert change(text) != text
    file.write_text(change(text))
    live = await follow(cut_off, Settings, file, default=Settings("default"))
    assert live.source == "default"
    (message,) = records(caplog, "ERROR")
    assert str(file) in message and reason in message
    with pytest.raises(errors.EtcdError) as caught:
        await follow(cut_off, Settings, file)
    assert reason in str(caught.value.__context__)


async def test_a_file_that_the_class_does_not_accept_is_not_used(cut_off, file):
    live = await follow(cut_off, Database, file, default=Database("default"))
    assert (live.value, live.source) == (Database("default"), "default")


async def test_a_start_with_an_invalid_value_in_etcd_uses_the_fallback_file(center, writer, file, recorder):
    await save(writer, db__port="text")
    live = (await follow(center, Settings, file, default=DEFAULT)).on_change(partial(recorder, "change"))
    assert (live.value, live.source) == (Settings("kept"), "fallback")
    assert str(live.error) == "etcd config/db/port: db.port: expected int, got str"
    await save(writer, db__port=1)
    await recorder.until("change")
    assert (live.value, live.source, live.error) == (Settings("kept", Database(port=1)), "etcd", None)


# --- etcd answers again


async def test_the_value_of_etcd_replaces_that_of_the_file_when_etcd_answers(center, writer, proxy, file, recorder):
    proxy.cut()
    live = (await follow(center, Settings, file, default=DEFAULT)).on_change(partial(recorder, "change"))
    assert (live.value, live.source) == (Settings("kept"), "fallback")
    await save(writer, level="new")
    proxy.heal()
    await recorder.until("change")
    assert changes(recorder) == [(Settings("kept"), Settings("new"))]
    assert (live.source, live.error) == ("etcd", None)
    assert json.loads(file.read_text())["entries"] == {"level": "new"}


async def test_the_value_of_etcd_replaces_the_default_when_etcd_answers(center, writer, proxy, recorder):
    await save(writer, level="there")
    proxy.cut()
    live = (await follow(center, Settings, default=DEFAULT)).on_change(partial(recorder, "change"))
    assert (live.value, live.source) == (DEFAULT, "default")
    proxy.heal()
    await recorder.until("change")
    assert changes(recorder) == [(DEFAULT, Settings("there"))]
    assert (live.source, live.error) == ("etcd", None)


async def test_a_value_in_etcd_that_equals_the_file_is_no_change_and_later_ones_are_followed(
    center, writer, proxy, file, recorder
):
    proxy.cut()
    live = (await follow(center, Settings, file)).on_change(partial(recorder, "change"))
    proxy.heal()
    await eventually(lambda: live.source == "etcd")
    await save(writer, level="new")
    await recorder.until("change")
    assert changes(recorder) == [(Settings("kept"), Settings("new"))]


async def test_an_invalid_value_when_etcd_answers_is_reported_and_the_file_s_stays(
    center, writer, proxy, file, recorder
):
    await save(writer, db__port="text")
    proxy.cut()
    live = (await follow(center, Settings, file)).on_change(partial(recorder, "change"))
    proxy.heal()
    await eventually(lambda: str(live.error) == "etcd config/db/port: db.port: expected int, got str")
    assert (live.value, live.source) == (Settings("kept"), "fallback")
    await save(writer, db__port=1)
    await recorder.until("change")
    assert changes(recorder) == [(Settings("kept"), Settings("kept", Database(port=1)))]
    assert (live.source, live.error) == ("etcd", None)


async def test_a_store_that_is_empty_when_it_answers_does_not_replace_the_file_s_value(
    center, writer, proxy, server, file, recorder
):
    proxy.cut()
    live = (await follow(center, Settings, file)).on_change(partial(recorder, "change"))
    lose_data(server)
    proxy.heal()
    await eventually(lambda: "the store was emptied" in str(live.error))
    assert (live.value, live.source) == (Settings("kept"), "fallback")
    assert json.loads(file.read_text())["entries"] == {"level": "kept"}
    await save(writer, level="new")
    await recorder.until("change")
    assert (live.value, live.source, live.error) == (Settings("new"), "etcd", None)


# --- an outage later


async def test_the_value_stays_while_etcd_is_away_and_is_current_when_it_is_back(center, writer, server, recorder):
    await save(writer, level="before")
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    server.kill()
    assert live.value == Settings("before")
    server.start()
    await save(writer, level="after")
    await recorder.until("change")
    assert changes(recorder) == [(Settings("before"), Settings("after"))]


async def test_each_change_follows_the_one_before_while_connections_break(center, writer, proxy, recorder):
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    for number in range(ROUNDS):
        await save(writer, db__port=number, level=f"{number}")
        proxy.reset()
    last = Settings(f"{ROUNDS - 1}", Database(port=ROUNDS - 1))
    await eventually(lambda: [new for _, new in changes(recorder)[-1:]] == [last])
    assert [old for old, _ in changes(recorder)] == [Settings(), *(new for _, new in changes(recorder)[:-1])]
    assert live.value == last


async def test_what_changed_before_a_compaction_while_it_was_cut_off_is_one_change(
    center, writer, proxy, server, recorder
):
    await save(writer, level="before", db__port=1)
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    proxy.cut()
    await save(writer, level="unseen")
    await settle(writer.delete("db/port"))
    compact(server, (await settle(writer.save("level", "after"))).revision)
    proxy.heal()
    await recorder.until("change")
    assert changes(recorder) == [(Settings("before", Database(port=1)), Settings("after"))]
    await save(writer, level="live")
    await recorder.until("change", 2)
    assert (live.value, live.error) == (Settings("live"), None)


async def test_a_store_that_was_emptied_is_reported_and_the_last_good_value_stays(
    center, writer, direct, server, recorder, tmp_path
):
    await write_history(direct)
    await save(writer, level="good")
    file = tmp_path / "last.json"
    live = (await follow(center, Settings, file)).on_change(partial(recorder, "change"))
    lose_data(server)
    await eventually(lambda: live.error is not None)
    assert str(live.error) == "the store was emptied: there is nothing under 'config/' any more"
    assert (live.value, recorder.calls) == (Settings("good"), [])
    assert json.loads(file.read_text())["entries"] == {"level": "good"}
    await save(writer, level="new")
    await recorder.until("change")
    assert (live.value, live.error) == (Settings("new"), None)


async def test_deleting_the_last_key_is_a_change_also_in_a_store_that_was_once_emptied(
    center, writer, direct, server, recorder
):
    await write_history(direct)
    await save(writer, level="good")
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    lose_data(server)
    await eventually(lambda: live.error is not None)
    await save(writer, level="new")
    await recorder.until("change")
    await settle(writer.delete("level"))
    await eventually(lambda: live.value == Settings() or live.error is not None)
    assert (live.value, live.error) == (Settings(), None)


async def test_a_store_that_was_restored_is_followed_from_where_it_is(file, backup, center, writer, proxy, recorder):
    live = (await follow(center, Settings, file)).on_change(partial(recorder, "change"))
    await save(writer, level="late")
    await recorder.until("change")
    proxy.cut()
    backup.restore()
    proxy.heal()
    await recorder.until("change", 2)
    assert changes(recorder) == [(Settings("kept"), Settings("late")), (Settings("late"), Settings("kept"))]
    assert live.error is None


# --- the file


async def test_the_last_good_value_is_in_the_file_which_only_its_owner_can_read(center, recorder, tmp_path):
    file = tmp_path / "last.json"
    live = (await follow(center, Settings, file)).on_change(partial(recorder, "change"))
    assert json.loads(file.read_text())["entries"] == {}
    await save(center, level="good")
    await recorder.until("change")
    await save(center, lvel="bad")
    await eventually(lambda: live.error is not None)
    assert json.loads(file.read_text())["entries"] == {"level": "good"}
    assert oct(file.stat().st_mode & 0o777) == "0o600"


async def test_a_file_that_cannot_be_written_is_logged_and_does_no_harm(center, recorder, tmp_path, caplog):
    live = await follow(center, Settings, tmp_path / "none" / "last.json")
    live.on_change(partial(recorder, "change"))
    await save(center, level="good")
    await recorder.until("change")
    assert (live.value, live.error) == (Settings("good"), None)
    assert any("could not be written" in message for message in records(caplog, "WARNING"))


async def test_the_file_is_never_read_in_part_while_changes_come(center, writer, tmp_path):
    def read():
        seen = 0
        while not over.is_set():
            _, entries = fallback.load(file, "config/")
            assert entries.keys() <= {"level", "db/port"}
            seen += 1
        return seen

    file, over = tmp_path / "last.json", threading.Event()
    live = await follow(center, Settings, file)
    reading = asyncio.get_running_loop().run_in_executor(None, read)
    try:
        for number in range(REWRITES):
            await save(writer, db__port=number)
        await eventually(lambda: live.value.db.port == REWRITES - 1)
    finally:
        over.set()
    assert await reading > 1
    await eventually(lambda: fallback.load(file, "config/")[1] == {"db/port": str(REWRITES - 1)})


# --- the end


@pytest.mark.parametrize("closed_object", ["configuration", "client"])
@pytest.mark.parametrize("fault", ["cut", "half_open"])
async def test_closing_while_it_retries_leaves_nothing_running(face, make, proxy, fault, closed_object):
    before = threads()
    client = make(proxy.endpoint, timeout=0.5)
    getattr(proxy, fault)()
    live = await follow(CENTERS[face.name](client), Settings, default=DEFAULT)
    await (settle(live.close()) if closed_object == "configuration" else closed(client))
    await nothing_left(before)
    assert live.value == DEFAULT


@pytest.mark.parametrize("fault", ["cut", "half_open"])
async def test_closing_while_it_is_cut_off_leaves_nothing_running(face, make, proxy, fault):
    before = threads()
    client = make(proxy.endpoint, timeout=0.5)
    live = await follow(CENTERS[face.name](client), Settings)
    getattr(proxy, fault)()
    await settle(live.close())
    await closed(client)
    await nothing_left(before)
    assert live.value == Settings()
