"""A live configuration whose etcd fails: the last good value stays, and it is current again when etcd is back."""

# ruff: noqa: F811  # fixtures of another module are named as arguments here

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial

import pytest

from etcd_factory import errors
from etcd_factory.configcenter import fallback
from tests.conformance.test_config_center import CENTERS, Database, Settings, save
from tests.conformance.test_live import changes, opened, records, soon
from tests.conformance.test_watch import Told, nothing_left, threads
from tests.support.faces import closed, settle

from .test_watch import away, compact, direct, mortal, proxy  # noqa: F401
from .test_watch_rewind import aged, empty, restored  # noqa: F401

ROUNDS = 10
REWRITES = 100
DEFAULT = Settings("default")


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def center(face, away):
    """A centre whose connection goes through the proxy."""
    return CENTERS[face.name](away.with_options(timeout=1))


@pytest.fixture
def writer(face, direct):
    """A centre that no fault befalls."""
    return CENTERS[face.name](direct)


@pytest.fixture
async def kept(writer, tmp_path):
    """The file of an earlier run."""
    file = tmp_path / "last.json"
    await save(writer, level="kept")
    await settle((await opened(writer, Settings, file)).close())
    return file


@pytest.fixture
def cut_off(face, away, proxy):
    """A centre whose etcd is away."""
    proxy.cut()
    return CENTERS[face.name](away.with_options(timeout=0.5))


# --- the start without etcd


async def test_the_start_without_etcd_is_the_error(cut_off):
    before = threads()
    with pytest.raises(errors.EtcdError):
        await opened(cut_off, Settings)
    await nothing_left(before)


async def test_it_is_the_last_good_one_where_there_is_a_file(cut_off, kept, caplog):
    live = await opened(cut_off, Settings, kept, default=Settings("default"))
    assert (live.value, live.source, isinstance(live.error, errors.EtcdError)) == (Settings("kept"), "fallback", True)
    assert live.revision == json.loads(kept.read_text())["revision"]
    assert any(str(kept) in message for message in records(caplog, "WARNING"))


async def test_the_centre_s_own_file_is_read_too(face, away, proxy, kept):
    proxy.cut()
    center = CENTERS[face.name](away.with_options(timeout=0.5), fallback=kept)
    assert (await opened(center, Settings)).value == Settings("kept")


async def test_it_is_the_default_where_there_is_no_file(cut_off, tmp_path, caplog):
    live = await opened(cut_off, Settings, tmp_path / "none", default=Settings("default"))
    assert (live.value, live.source, isinstance(live.error, errors.EtcdError)) == (Settings("default"), "default", True)
    assert any("can't be read" in message for message in records(caplog, "ERROR"))


async def test_a_default_of_none_is_one(cut_off):
    live = await opened(cut_off, default=None)
    assert (live.value, live.source) == (None, "default")


BROKEN = {
    "cut in half": (lambda text: text[: len(text) // 2], "is not whole"),
    "of another version": (lambda text: text.replace('"version": 1', '"version": 2'), "is not of version 1"),
    "of another prefix": (lambda text: text.replace('"config/"', '"other/"'), "is of another prefix"),
    "changed by hand": (lambda text: text.replace("kept", "kopt"), "its checksum is wrong"),
    "with another revision": (
        lambda text: text.replace('"revision": ', '"revision": "x", "was": '),
        "the fall-back file",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_file_that_is_refused_is_told_and_the_start_goes_on(cut_off, kept, caplog, name):
    change, word = BROKEN[name]
    text = kept.read_text()
    assert change(text) != text
    kept.write_text(change(text))
    live = await opened(cut_off, Settings, kept, default=Settings("default"))
    assert live.source == "default"
    (message,) = records(caplog, "ERROR")
    assert str(kept) in message and word in message
    with pytest.raises(errors.EtcdError) as caught:
        await opened(cut_off, Settings, kept)
    assert word in str(caught.value.__context__)


async def test_a_file_that_the_class_does_not_take_is_refused(cut_off, kept):
    live = await opened(cut_off, Database, kept, default=Database("default"))
    assert (live.value, live.source) == (Database("default"), "default")


async def test_it_is_the_last_good_one_where_etcd_has_what_can_t_be_used(center, writer, kept, told):
    await save(writer, db__port="text")
    live = (await opened(center, Settings, kept, default=DEFAULT)).on_change(partial(told, "change"))
    assert (live.value, live.source) == (Settings("kept"), "fallback")
    assert str(live.error) == "etcd config/db/port: db.port: expected int, got str"
    await save(writer, db__port=1)
    await told.until("change")
    assert (live.value, live.source, live.error) == (Settings("kept", Database(port=1)), "etcd", None)


# --- back at etcd


async def test_it_goes_over_from_the_file_to_etcd_when_that_answers(center, writer, proxy, kept, told):
    proxy.cut()
    live = (await opened(center, Settings, kept, default=DEFAULT)).on_change(partial(told, "change"))
    assert (live.value, live.source) == (Settings("kept"), "fallback")
    await save(writer, level="new")
    proxy.heal()
    await told.until("change")
    assert changes(told) == [(Settings("kept"), Settings("new"))]
    assert (live.source, live.error) == ("etcd", None)
    assert json.loads(kept.read_text())["entries"] == {"level": "new"}


async def test_it_goes_over_from_the_default_to_etcd_when_that_answers(center, writer, proxy, told):
    await save(writer, level="there")
    proxy.cut()
    live = (await opened(center, Settings, default=DEFAULT)).on_change(partial(told, "change"))
    assert (live.value, live.source) == (DEFAULT, "default")
    proxy.heal()
    await told.until("change")
    assert changes(told) == [(DEFAULT, Settings("there"))]
    assert (live.source, live.error) == ("etcd", None)


async def test_what_is_in_etcd_as_in_the_file_is_no_change_and_then_it_follows(center, writer, proxy, kept, told):
    proxy.cut()
    live = (await opened(center, Settings, kept)).on_change(partial(told, "change"))
    proxy.heal()
    await soon(lambda: live.source == "etcd")
    await save(writer, level="new")
    await told.until("change")
    assert changes(told) == [(Settings("kept"), Settings("new"))]


async def test_what_can_t_be_used_when_etcd_answers_is_told_and_the_file_s_stays(center, writer, proxy, kept, told):
    await save(writer, db__port="text")
    proxy.cut()
    live = (await opened(center, Settings, kept)).on_change(partial(told, "change"))
    proxy.heal()
    await soon(lambda: str(live.error) == "etcd config/db/port: db.port: expected int, got str")
    assert (live.value, live.source) == (Settings("kept"), "fallback")
    await save(writer, db__port=1)
    await told.until("change")
    assert changes(told) == [(Settings("kept"), Settings("kept", Database(port=1)))]
    assert (live.source, live.error) == ("etcd", None)


async def test_a_store_that_is_empty_when_it_answers_does_not_take_the_file_s_place(
    center, writer, proxy, mortal, kept, told
):
    proxy.cut()
    live = (await opened(center, Settings, kept)).on_change(partial(told, "change"))
    empty(mortal)
    proxy.heal()
    await soon(lambda: "the store was emptied" in str(live.error))
    assert (live.value, live.source) == (Settings("kept"), "fallback")
    assert json.loads(kept.read_text())["entries"] == {"level": "kept"}
    await save(writer, level="new")
    await told.until("change")
    assert (live.value, live.source, live.error) == (Settings("new"), "etcd", None)


# --- away later


async def test_it_holds_its_value_while_etcd_is_away_and_follows_when_it_is_back(center, writer, mortal, told):
    await save(writer, level="before")
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    mortal.kill()
    assert live.value == Settings("before")
    mortal.start()
    await save(writer, level="after")
    await told.until("change")
    assert changes(told) == [(Settings("before"), Settings("after"))]


async def test_each_change_is_told_from_the_one_before_while_connections_break(center, writer, proxy, told):
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    for number in range(ROUNDS):
        await save(writer, db__port=number, level=f"{number}")
        proxy.reset()
    last = Settings(f"{ROUNDS - 1}", Database(port=ROUNDS - 1))
    await soon(lambda: [new for _, new in changes(told)[-1:]] == [last])
    assert [old for old, _ in changes(told)] == [Settings(), *(new for _, new in changes(told)[:-1])]
    assert live.value == last


async def test_what_changed_before_a_compaction_while_it_was_away_is_one_change(center, writer, proxy, mortal, told):
    await save(writer, level="before", db__port=1)
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    proxy.cut()
    await save(writer, level="unseen")
    await settle(writer.delete("db/port"))
    compact(mortal, (await settle(writer.save("level", "after"))).revision)
    proxy.heal()
    await told.until("change")
    assert changes(told) == [(Settings("before", Database(port=1)), Settings("after"))]
    await save(writer, level="live")
    await told.until("change", 2)
    assert (live.value, live.error) == (Settings("live"), None)


async def test_a_store_that_was_emptied_is_told_and_the_last_good_value_stays(
    center, writer, direct, proxy, mortal, told, tmp_path
):
    await aged(direct)
    await save(writer, level="good")
    file = tmp_path / "last.json"
    live = (await opened(center, Settings, file)).on_change(partial(told, "change"))
    empty(mortal)
    await soon(lambda: live.error is not None)
    assert str(live.error) == "the store was emptied: there is nothing below 'config/' any more"
    assert (live.value, told.calls) == (Settings("good"), [])
    assert json.loads(file.read_text())["entries"] == {"level": "good"}
    await save(writer, level="new")
    await told.until("change")
    assert (live.value, live.error) == (Settings("new"), None)


async def test_deleting_the_last_key_is_a_change_also_in_a_store_that_was_once_emptied(
    center, writer, direct, mortal, told
):
    await aged(direct)
    await save(writer, level="good")
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    empty(mortal)
    await soon(lambda: live.error is not None)
    await save(writer, level="new")
    await told.until("change")
    await settle(writer.delete("level"))
    await soon(lambda: live.value == Settings() or live.error is not None)
    assert (live.value, live.error) == (Settings(), None)


async def test_a_store_that_was_restored_is_followed_from_where_it_is(kept, restored, center, writer, proxy, told):
    live = (await opened(center, Settings, kept)).on_change(partial(told, "change"))
    await save(writer, level="late")
    await told.until("change")
    proxy.cut()
    restored()
    proxy.heal()
    await told.until("change", 2)
    assert changes(told) == [(Settings("kept"), Settings("late")), (Settings("late"), Settings("kept"))]
    assert live.error is None


# --- the file


async def test_the_last_good_one_is_kept_in_the_file_for_its_owner_alone(center, told, tmp_path):
    file = tmp_path / "last.json"
    live = (await opened(center, Settings, file)).on_change(partial(told, "change"))
    assert json.loads(file.read_text())["entries"] == {}
    await save(center, level="good")
    await told.until("change")
    await save(center, lvel="bad")
    await soon(lambda: live.error is not None)
    assert json.loads(file.read_text())["entries"] == {"level": "good"}
    assert oct(file.stat().st_mode & 0o777) == "0o600"


async def test_a_file_that_can_t_be_written_is_logged_and_no_harm(center, told, tmp_path, caplog):
    live = await opened(center, Settings, tmp_path / "none" / "last.json")
    live.on_change(partial(told, "change"))
    await save(center, level="good")
    await told.until("change")
    assert (live.value, live.error) == (Settings("good"), None)
    assert any("could not be written" in message for message in records(caplog, "WARNING"))


async def test_the_file_is_never_read_half_while_changes_come(center, writer, told, tmp_path):
    def read():
        seen = 0
        while not over.is_set():
            _, entries = fallback.load(file, "config/")
            assert entries.keys() <= {"level", "db/port"}
            seen += 1
        return seen

    file, over = tmp_path / "last.json", threading.Event()
    live = await opened(center, Settings, file)
    reading = asyncio.get_running_loop().run_in_executor(None, read)
    for number in range(REWRITES):
        await save(writer, db__port=number)
    await soon(lambda: live.value.db.port == REWRITES - 1)
    over.set()
    assert await reading > 1
    await soon(lambda: fallback.load(file, "config/")[1] == {"db/port": str(REWRITES - 1)})


# --- the end


@pytest.mark.parametrize("whose", ["its own", "the client's"])
@pytest.mark.parametrize("fault", ["cut", "half_open"])
async def test_closing_while_it_looks_for_etcd_leaves_nothing(face, make, proxy, fault, whose):
    before = threads()
    client = make(proxy.endpoint, timeout=0.5)
    getattr(proxy, fault)()
    live = await opened(CENTERS[face.name](client), Settings, default=DEFAULT)
    await settle(live.close()) if whose == "its own" else await closed(client)
    await nothing_left(before)
    assert live.value == DEFAULT


@pytest.mark.parametrize("fault", ["cut", "half_open"])
async def test_closing_while_it_is_cut_off_later_leaves_nothing(face, make, proxy, fault):
    before = threads()
    client = make(proxy.endpoint, timeout=0.5)
    live = await opened(CENTERS[face.name](client), Settings)
    getattr(proxy, fault)()
    await settle(live.close())
    await closed(client)
    await nothing_left(before)
    assert live.value == Settings()
