"""A configuration that is always current: validated before it is used, read without the network, closed completely."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from itertools import pairwise

import attrs
import pytest

from etcd_factory import AsyncETCDService, ETCDServiceFactory, errors, explain_config, load_config, ops
from etcd_factory.configcenter import AsyncConfigCenter, Live
from etcd_factory.errors import ConfigError
from tests.support.config_centers import (
    CENTERS,
    LOG,
    Data,
    Database,
    Model,
    Settings,
    changes,
    eventually,
    follow,
    records,
    save,
)
from tests.support.faces import BOUND, closed, settle
from tests.support.watching import WATCHERS, nothing_left, threads, until_metric

CHANGES = 10_000
KEYS = 100


@attrs.define
class Numbers:
    numbers: dict[str, int] = attrs.field(factory=dict)


@attrs.define
class Odd:
    level: str = attrs.field(default="info")

    @level.validator
    def _check(self, attribute, value):
        if value == "key":
            raise KeyError(value)


# --- following


@pytest.mark.parametrize("cls", [Settings, Data, Model])
async def test_the_value_is_an_instance_of_the_class_and_stays_current(center, recorder, cls):
    live = await follow(center, cls)
    assert live.on_change(partial(recorder, "change")) is live
    assert (live.value, live.source, live.error) == (cls(), "etcd", None)
    for count, level in enumerate(("debug", "trace"), 1):
        await save(center, level=level)
        await recorder.until("change", count)
    await settle(center.delete("level"))
    await recorder.until("change", 3)
    states = [cls(), cls(level="debug"), cls(level="trace"), cls()]
    assert changes(recorder) == [*pairwise(states)]
    assert live.value == cls()


async def test_without_a_class_the_value_is_a_tree(center, recorder):
    await save(center, db__port=1)
    live = (await follow(center)).on_change(partial(recorder, "change"))
    assert live.value == {"db": {"port": 1}}
    await save(center, db__host="here")
    await recorder.until("change")
    assert live.value == {"db": {"port": 1, "host": "here"}}


async def test_it_has_the_revision_of_the_last_change(center, recorder):
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    saved = await settle(center.save("level", "debug"))
    await recorder.until("change")
    assert live.revision == saved.revision
    assert repr(live) == f"<Live 'config/' from etcd at revision {saved.revision}>"


async def test_it_is_closed_at_the_end_of_its_block(face, center):
    before = threads()
    if face.is_blocking:
        with center.live(Settings) as live:
            assert (isinstance(live, Live), live.value) == (True, Settings())
    else:
        async with center.live(Settings) as live:
            assert (isinstance(live, Live), live.value) == (True, Settings())
    await nothing_left(before)


async def test_an_override_for_another_instance_is_no_change(make_center, recorder):
    mine = make_center(instance="w1", groups=["one"])
    live = (await follow(mine, Settings)).on_change(partial(recorder, "change"))
    await settle(mine.save("level", "of another", only="w2"))
    for count, (only, level) in enumerate(((None, "all"), ("one", "of one"), ("w1", "own")), 1):
        await settle(mine.save("level", level, only=only))
        await recorder.until("change", count)
    assert [new.level for _, new in changes(recorder)] == ["all", "of one", "own"]
    assert live.value.level == "own"


async def test_a_transaction_is_one_change(center, client, recorder):
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    puts = [ops.put("config/db/host").value("there"), ops.put("config/db/port").value("1")]
    await settle(client.txn().then(*puts).commit())
    await recorder.until("change")
    await save(center, level="last")
    await recorder.until("change", 2)
    there = Settings(db=Database("there", 1))
    assert changes(recorder) == [(Settings(), there), (there, Settings("last", Database("there", 1)))]
    assert live.value.level == "last"


async def test_a_write_that_changes_nothing_is_not_reported(center, recorder):
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    await save(center, level="info")
    await save(center, level="info")
    await save(center, level="last")
    await recorder.until("change")
    assert changes(recorder) == [(Settings("info"), Settings("last"))]
    assert live.value == Settings("last")


async def test_many_changes_end_with_the_last_and_each_follows_the_one_before(center, client, recorder):
    live = (await follow(center, Numbers)).on_change(partial(recorder, "change"))
    for number in range(1, CHANGES // KEYS + 1):
        await settle(client.batch([ops.put(f"config/numbers/k{key}").value(number) for key in range(KEYS)]))
    last = Numbers({f"k{key}": CHANGES // KEYS for key in range(KEYS)})
    await eventually(lambda: [new for _, new in changes(recorder)[-1:]] == [last])
    assert live.value == last
    assert [old for old, _ in changes(recorder)] == [Numbers(), *(new for _, new in changes(recorder)[:-1])]
    seen = [set(new.numbers.values()) for _, new in changes(recorder)]
    assert all(len(values) == 1 for values in seen)
    assert sorted(seen, key=min) == seen


async def test_the_value_is_an_attribute_that_needs_no_server(make, face, fragile):
    center = CENTERS[face.name](make(hosts=[fragile.endpoint]))
    await save(center, level="debug")
    live = await follow(center, Settings)
    fragile.pause()
    assert live.value is live.value
    assert live.value == Settings("debug")


# --- invalid values


async def test_an_invalid_change_is_reported_and_replaced_by_the_next_valid_one(center, recorder, caplog):
    await save(center, level="good")
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    await save(center, db__port="text", level="bad")
    await eventually(lambda: live.error is not None)
    expected = "etcd config/db/port: db.port: expected int, got str"
    assert (str(live.error), type(live.error)) == (expected, ConfigError)
    assert live.value == Settings("good")
    assert any(expected in message for message in records(caplog, "ERROR"))
    await save(center, db__port=1)
    await recorder.until("change")
    assert live.error is None
    assert changes(recorder) == [(Settings("good"), Settings("bad", Database(port=1)))]


async def test_deleting_an_invalid_value_clears_the_error_and_changes_nothing(center, recorder):
    live = (await follow(center, Settings)).on_change(partial(recorder, "change"))
    await save(center, lvel="x")
    await eventually(lambda: live.error is not None)
    assert "did you mean 'level'" in str(live.error)
    await settle(center.delete("lvel"))
    await eventually(lambda: live.error is None)
    assert (recorder.calls, live.value) == ([], Settings())


async def test_an_invalid_value_at_the_start_is_raised_and_leaves_nothing_running(center):
    before = threads()
    await save(center, db__port="text")
    with pytest.raises(ConfigError, match=r"^etcd config/db/port: db.port: expected int, got str$"):
        await follow(center, Settings)
    await nothing_left(before)


async def test_the_default_is_used_until_the_value_in_etcd_is_valid(center, recorder):
    await save(center, db__port="text")
    live = await follow(center, Settings, default=Settings("default"))
    live.on_change(partial(recorder, "change"))
    assert (live.value, live.source) == (Settings("default"), "default")
    assert "etcd config/db/port" in str(live.error)
    await save(center, db__port=1)
    await recorder.until("change")
    assert changes(recorder) == [(Settings("default"), Settings(db=Database(port=1)))]
    assert (live.source, live.error) == ("etcd", None)


async def test_after_any_error_of_a_validator_the_next_valid_value_is_used(center, recorder):
    live = (await follow(center, Odd)).on_change(partial(recorder, "change"))
    await save(center, level="key")
    await eventually(lambda: live.error is not None)
    await save(center, level="good")
    await recorder.until("change")
    assert changes(recorder) == [(Odd(), Odd("good"))]


async def test_any_error_of_a_validator_at_the_start_leaves_nothing_running(center):
    before = threads()
    await save(center, level="key")
    with pytest.raises(ConfigError, match="key"):
        await follow(center, Odd)
    await nothing_left(before)


async def test_cancelling_while_it_opens_leaves_nothing_running(options):
    def hold(value):
        entered.set()
        assert go.wait(BOUND)

    @attrs.define
    class Slow:
        level: str = attrs.field(default="", validator=lambda slow, attribute, value: hold(value))

    before, entered, go = threads(), threading.Event(), threading.Event()
    async with AsyncETCDService(options) as client:
        opening = asyncio.ensure_future(follow(AsyncConfigCenter(client), Slow))
        assert await asyncio.to_thread(entered.wait, BOUND)
        opening.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await nothing_left(before)


# --- handlers


async def test_the_error_of_a_handler_is_logged_and_others_are_called(center, recorder, caplog):
    def fails(old, new):
        raise RuntimeError("by the handler")

    live = (await follow(center, Settings)).on_change(fails).on_change(partial(recorder, "change"))
    for count, level in enumerate("ab", 1):
        await save(center, level=level)
        await recorder.until("change", count)
    assert live.value.level == "b"
    (first, *_) = [one for one in caplog.records if one.name == LOG and one.exc_info]
    assert "by the handler" in str(first.exc_info[1])


async def test_a_handler_may_be_async_in_asyncio_and_returns_before_the_next_call(face, center, recorder):
    entered, go = threading.Event(), threading.Event()

    def slow(old, new):
        recorder("begun", new.level)
        entered.set()
        assert go.wait(BOUND)
        recorder("done", new.level)

    live = (await follow(center, Settings)).on_change(face.handler(slow))
    await save(center, level="1")
    assert await asyncio.to_thread(entered.wait, BOUND)
    await save(center, level="2")
    go.set()
    await recorder.until("done", 2)
    assert recorder.calls == [("begun", "1"), ("done", "1"), ("begun", "2"), ("done", "2")]
    assert live.value.level == "2"


async def test_a_handler_may_use_the_client_and_the_center(face, center, client, recorder):
    def answer(old, new):
        if new.level == "asked":
            center.save("level", "answered")
            recorder("done", client.get("config/level").string())

    async def awaited(old, new):
        if new.level == "asked":
            await center.save("level", "answered")
            recorder("done", await client.get("config/level").string())

    live = (await follow(center, Settings)).on_change(answer if face.is_blocking else awaited)
    await save(center, level="asked")
    await recorder.until("done")
    assert recorder.calls == [("done", "answered")]
    await eventually(lambda: live.value.level == "answered")


async def test_a_handler_may_close_it_and_is_not_called_again(face, make_center, center, recorder):
    def stop(old, new):
        live.close()
        recorder("closed")

    async def awaited(old, new):
        await live.close()
        recorder("closed")

    before = threads()
    live = (await follow(center, Settings)).on_change(stop if face.is_blocking else awaited)
    await save(center, level="1")
    await recorder.until("closed")
    await save(center, level="2")
    await nothing_left(before)
    assert (recorder.calls, live.value.level) == ([("closed",)], "1")


# --- the end


async def test_closing_is_idempotent_and_leaves_nothing_running(make, face, fragile):
    center = CENTERS[face.name](make(hosts=[fragile.endpoint]))
    await save(center, level="debug")
    await until_metric(fragile, WATCHERS, 0)
    before = threads()
    live = await follow(center, Settings)
    await until_metric(fragile, WATCHERS, 1)
    await settle(live.close())
    await settle(live.close())
    await until_metric(fragile, WATCHERS, 0)
    await nothing_left(before)
    assert live.value == Settings("debug")


async def test_closing_the_client_ends_it_and_leaves_nothing_running(make, face):
    before = threads()
    client = make()
    live = await follow(CENTERS[face.name](client), Settings)
    await closed(client)
    await nothing_left(before)
    assert live.value == Settings()
    await settle(live.close())


async def test_a_closed_client_opens_no_live_configuration(center, client):
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await follow(center, Settings, default=Settings())


# --- as a layer of load_config


async def test_it_overrides_files_and_is_overridden_by_the_environment(center, tmp_path, monkeypatch):
    (tmp_path / "a.default.yaml").write_text("level: default\nrate: 1\ndb: {host: default}")
    (tmp_path / "a.prod.yaml").write_text("level: prod\nrate: 2")
    monkeypatch.setenv("ETCD_FACTORY__RATE", "3")
    await save(center, level="etcd", rate=4)
    live = await follow(center)
    assert load_config(tmp_path, live) == {"level": "etcd", "rate": 3, "db": {"host": "default"}}
    layers = {key: row.layer for key, row in explain_config(tmp_path, live).items()}
    assert layers == {
        "level": "etcd config/level",
        "rate": "$ETCD_FACTORY__RATE",
        "db.host": str(tmp_path / "a.default.yaml"),
    }


async def test_the_layer_has_the_present_values_with_overrides(make_center, recorder):
    center = make_center(instance="w1")
    live = (await follow(center)).on_change(partial(recorder, "change"))
    await settle(center.save("level", "own", only="w1"))
    await recorder.until("change")
    assert load_config({"level": "lower"}, live) == {"level": "own"}
    assert explain_config(live)["level"].layer == "etcd config/@w1/level"


async def test_a_fault_names_the_key_in_etcd(center):
    await save(center, etcd__client__hots="127.0.0.1:1")
    live = await follow(center)
    with pytest.raises(ConfigError, match=r"^etcd config/etcd/client/hots: etcd.client.hots: .*did you mean 'hosts'"):
        ETCDServiceFactory.from_config({"etcd": {}}, live)
