"""A live configuration: its first value, the values after that, its fallback file, and its end."""

from __future__ import annotations

import json
import sys
from functools import partial

import attrs
import pytest

from etcd_factory import load_config
from etcd_factory.config.sources import Layered
from etcd_factory.configcenter.plan import Plan
from etcd_factory.errors import ConfigError, EtcdError
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.config_centers import CENTERS, Settings, changes, eventually, records
from tests.support.faces import closed, settle
from tests.support.transports import Recorded

NO_SPACE = "etcdserver: mvcc: database space exceeded"
DEFAULT = Settings("default")


def found(revision=5, **values):
    return replies.get({f"config/{key}": value for key, value in values.items()}, revision=revision)


def change(**values):
    """The events of one revision that set these values."""
    return replies.events(*[replies.put_event(f"config/{key}", value) for key, value in values.items()])


@pytest.fixture
async def follow(face, connect):
    """A function that opens a live configuration on a script; closed when the test ends."""
    opened = []

    async def create(*args, cls=Settings, options=None, center=None, **steps):
        client, transport = connect(Recorded(ScriptedTransport(steps)))
        live = await settle(CENTERS[face.name](client, **(center or {})).live(cls, *args, **(options or {})))
        opened.append(live)
        create.transport = transport
        return live

    yield create
    for live in opened:
        await settle(live.close())


# --- the value


async def test_the_first_value_is_read_and_followed_from_the_next_revision(follow):
    live = await follow(Range=found(level="debug"), Watch=replies.watch())
    assert (live.value, live.source, live.revision, live.error) == (Settings("debug"), "etcd", 5, None)
    assert repr(live) == "<Live 'config/' from etcd at revision 5>"
    assert follow.transport.streams[0].sent[0].create_request.start_revision == 6


async def test_handlers_receive_the_old_and_the_new_value(follow, recorder):
    watch = replies.watch()
    live = await follow(Range=found(level="debug"), Watch=watch)
    assert live.on_change(partial(recorder, "change")) is live
    watch.push(change(level="trace"))
    await recorder.until("change")
    assert changes(recorder) == [(Settings("debug"), Settings("trace"))]
    assert (live.value, live.revision) == (Settings("trace"), 6)


async def test_a_write_that_changes_nothing_calls_no_handler(follow, recorder):
    watch = replies.watch()
    live = (await follow(Range=found(level="debug"), Watch=watch)).on_change(partial(recorder, "change"))
    watch.push(change(level="debug"), change(level="'debug'"))
    await eventually(lambda: live.revision == 7)
    watch.push(change(level="last"))
    await recorder.until("change")
    assert changes(recorder) == [(Settings("debug"), Settings("last"))]


async def test_an_invalid_value_keeps_the_last_good_one_and_is_logged_once(follow, recorder, caplog):
    watch = replies.watch()
    live = (await follow(Range=found(level="good"), Watch=watch)).on_change(partial(recorder, "change"))
    watch.push(change(lvel="x"))
    await eventually(lambda: live.error is not None)
    assert (live.value, type(live.error)) == (Settings("good"), ConfigError)
    watch.push(change(lvel="y"), replies.delete_event("config/lvel"), change(level="better"))
    await recorder.until("change")
    assert (live.value, live.error) == (Settings("better"), None)
    assert len(records(caplog, "ERROR")) == 1
    assert "keeping the configuration, the new one is invalid: etcd config/lvel: " in records(caplog, "ERROR")[0]


async def test_an_invalid_value_at_the_start_is_raised(follow):
    with pytest.raises(ConfigError, match="did you mean 'level'"):
        await follow(Range=found(lvel="x"), Watch=replies.watch())


async def test_it_is_a_source_of_load_config(follow):
    live = await follow(cls=None, Range=found(level="debug"), Watch=replies.watch())
    assert isinstance(live, Layered)
    assert [part.values for part in live.config_layers()] == [{"level": "debug"}]


# --- an emptied store


async def test_an_emptied_store_keeps_the_last_good_value(follow, recorder):
    watch = replies.watch()
    live = await follow(Range=[found(level="good"), found(revision=20)], Watch=watch)
    live.on_change(partial(recorder, "change"))
    watch.push(replies.canceled(compact_revision=9))
    await eventually(lambda: live.error is not None)
    assert str(live.error) == "the store was emptied: there is nothing under 'config/' any more"
    assert (live.value, recorder.calls) == (Settings("good"), [])


async def test_deleting_the_last_key_is_a_change(follow, recorder):
    watch = replies.watch()
    live = (await follow(Range=found(level="good"), Watch=watch)).on_change(partial(recorder, "change"))
    watch.push(replies.delete_event("config/level"))
    await recorder.until("change")
    assert changes(recorder) == [(Settings("good"), Settings())]
    assert live.error is None


# --- what others write does not end it


HOSTILE = ["[" * 98 + "]" * 98, "{a: " * 98 + "1" + "}" * 98, "[" * 3000, "9" * 5000, "!!int x", "\x00", "&a [*a]"]
HOSTILE += ["???"]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_value_ends_it(follow, recorder, caplog, value):
    watch = replies.watch()
    live = (await follow(Range=found(level="good"), Watch=watch)).on_change(partial(recorder, "change"))
    watch.push(change(level=value))
    await eventually(lambda: live.error is not None)
    assert (live.value, type(live.error)) == (Settings("good"), ConfigError)
    watch.push(change(level="better"))
    await recorder.until("change")
    assert (live.value, live.error) == (Settings("better"), None)
    assert len(records(caplog, "ERROR")) == 1


@pytest.mark.parametrize("value", HOSTILE[:-1], ids=range(len(HOSTILE) - 1))
async def test_no_value_ends_a_tree(follow, value):
    watch = replies.watch()
    live = await follow(cls=None, Range=found(level="good"), Watch=watch)
    watch.push(change(level=value))
    await eventually(lambda: live.error is not None)
    watch.push(change(level="better"))
    await eventually(lambda: live.value.level == "better")


@attrs.define(eq=False)
class Failing:
    """A class of the user's whose own code fails on some values."""

    level: str = "info"

    def __attrs_post_init__(self):
        if self.level == "deep":
            raise RecursionError
        if self.level == "exit":
            sys.exit("hunter2")

    def __eq__(self, other):
        if self.level == "incomparable":
            raise TypeError
        return self is other


@pytest.mark.parametrize("value", ["deep", "exit"])
async def test_no_exception_of_the_users_class_ends_it(follow, value):
    watch = replies.watch()
    live = await follow(cls=Failing, Range=found(level="good"), Watch=watch)
    watch.push(change(level=value))
    await eventually(lambda: live.error is not None)
    assert (live.value.level, type(live.error)) == ("good", ConfigError)
    watch.push(change(level="better"))
    await eventually(lambda: live.value.level == "better")


async def test_a_value_that_cannot_be_compared_counts_as_changed(follow, recorder):
    watch = replies.watch()
    live = (await follow(cls=Failing, Range=found(level="good"), Watch=watch)).on_change(partial(recorder, "change"))
    watch.push(change(level="incomparable"))
    await recorder.until("change")
    assert (live.value.level, live.error) == ("incomparable", None)


async def test_an_unexpected_exception_keeps_the_value_and_is_reported_once_without_its_text(
    follow, monkeypatch, caplog
):
    watch = replies.watch()
    live = await follow(Range=found(level="good"), Watch=watch)
    build = Plan.build

    def failing(plan, entries):
        if entries["level"].startswith("bad"):
            raise ZeroDivisionError("hunter2")
        return build(plan, entries)

    monkeypatch.setattr(Plan, "build", failing)
    watch.push(change(level="bad"), change(level="bad2"))
    await eventually(lambda: live.error is not None)
    assert str(live.error) == "the configuration cannot be built: ZeroDivisionError"
    watch.push(change(level="better"))
    await eventually(lambda: live.value == Settings("better"))
    assert len(records(caplog, "ERROR")) == 1
    assert "hunter2" not in caplog.text


async def test_nested_values_at_the_start_fall_back_to_the_default(follow):
    live = await follow(options={"default": DEFAULT}, Range=found(level=HOSTILE[0]), Watch=replies.watch())
    assert (live.value, live.source, type(live.error)) == (DEFAULT, "default", ConfigError)


async def test_interpolations_are_data_unless_they_are_to_be_resolved(follow, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "hunter2")
    live = await follow(Range=found(level="${oc.env:MY_SECRET}"), Watch=replies.watch())
    assert live.value == Settings("${oc.env:MY_SECRET}")
    assert load_config({"a": 1}, live).level == "${oc.env:MY_SECRET}"
    resolving = await follow(center={"resolve": True}, Range=found(level="${oc.env:MY_SECRET}"), Watch=replies.watch())
    assert resolving.value == Settings("hunter2")
    assert load_config({"a": 1}, resolving).level == "hunter2"


# --- without etcd at the start


async def test_without_etcd_and_without_a_default_the_error_is_raised(follow):
    with pytest.raises(EtcdError):
        await follow(Range=replies.server_error(NO_SPACE))


async def test_without_etcd_the_value_is_the_default_until_etcd_answers(follow, recorder, caplog):
    steps = {"Range": [replies.server_error(NO_SPACE), found(level="etcd")], "Watch": replies.watch()}
    live = (await follow(options={"default": DEFAULT}, **steps)).on_change(partial(recorder, "change"))
    await eventually(lambda: live.source == "etcd")
    assert (live.value, live.error) == (Settings("etcd"), None)
    assert any(text.startswith("using the default configuration: ") for text in records(caplog, "WARNING"))


async def test_none_is_a_default(follow):
    live = await follow(cls=None, options={"default": None}, Range=replies.server_error(NO_SPACE))
    assert (live.value, live.source) == (None, "default")


async def test_the_last_good_value_is_written_to_the_file_and_read_from_it(follow, tmp_path, caplog):
    file = tmp_path / "last.json"
    await follow(file, Range=found(level="kept"), Watch=replies.watch())
    assert json.loads(file.read_text())["entries"] == {"level": "kept"}
    live = await follow(file, options={"default": DEFAULT}, Range=replies.server_error(NO_SPACE))
    assert (live.value, live.source, live.revision) == (Settings("kept"), "fallback", 5)
    assert isinstance(live.error, EtcdError)
    assert any(text.startswith(f"using the configuration in {file}: ") for text in records(caplog, "WARNING"))


async def test_a_file_that_cannot_be_used_is_reported_and_the_default_used(follow, tmp_path, caplog):
    file = tmp_path / "last.json"
    file.write_text("{")
    live = await follow(file, options={"default": DEFAULT}, Range=replies.server_error(NO_SPACE))
    assert (live.value, live.source) == (DEFAULT, "default")
    (message,) = records(caplog, "ERROR")
    assert message == f"{file}: the fallback file is truncated or not JSON"


async def test_the_error_at_the_start_has_that_of_the_file_as_its_context(follow, tmp_path):
    file = tmp_path / "missing.json"
    with pytest.raises(EtcdError) as caught:
        await follow(file, Range=replies.server_error(NO_SPACE))
    assert "the fallback file cannot be read" in str(caught.value.__context__)


async def test_an_empty_store_at_the_start_does_not_overwrite_the_file(follow, tmp_path):
    file = tmp_path / "last.json"
    await follow(file, Range=found(level="kept"), Watch=replies.watch())
    live = await follow(file, Range=found(), Watch=replies.watch())
    assert (live.value, json.loads(file.read_text())["entries"]) == (Settings(), {"level": "kept"})


async def test_a_file_that_cannot_be_written_is_logged(follow, tmp_path, caplog):
    file = tmp_path / "missing" / "last.json"
    live = await follow(file, Range=found(level="good"), Watch=replies.watch())
    assert live.value == Settings("good")
    assert any(f"the fallback file {file} could not be written" in text for text in records(caplog, "WARNING"))


# --- the end


async def test_a_closed_one_keeps_its_value_and_its_watch_has_ended(follow, recorder):
    watch = replies.watch()
    live = (await follow(Range=found(level="good"), Watch=watch)).on_change(partial(recorder, "change"))
    await settle(live.close())
    await settle(live.close())
    watch.push(change(level="unseen"))
    assert (live.value, recorder.calls) == (Settings("good"), [])


async def test_closing_the_client_ends_it(face, connect):
    client, _ = connect({"Range": found(level="good"), "Watch": replies.watch()})
    live = await settle(CENTERS[face.name](client).live(Settings))
    await closed(client)
    await settle(live.close())
    assert live.value == Settings("good")


async def later(old, new):
    raise AssertionError


async def test_a_handler_that_can_never_run_is_refused(follow, face):
    live = await follow(Range=found(level="debug"), Watch=replies.watch())
    with pytest.raises(TypeError, match=r"^a handler must be a function, not str$"):
        live.on_change("print")
    if face.is_blocking:
        with pytest.raises(TypeError, match="is async"):
            live.on_change(later)
