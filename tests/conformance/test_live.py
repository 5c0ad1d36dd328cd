"""A configuration that is always current: checked before it counts, read without the network, closed without a rest."""

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
from tests.support.faces import closed, settle, until
from tests.support.gates import BOUND

from .test_config_center import CENTERS, Data, Database, Model, Settings, center, make_center, save  # noqa: F401
from .test_watch import WATCHERS, Told, comes_to, nothing_left, threads

# ruff: noqa: F811  # fixtures of another module are named as arguments here

CHANGES = 10_000
KEYS = 100
LOG = "etcd_factory.configcenter"


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


@pytest.fixture
def told():
    return Told()


def opened(center, *args, **options):
    return settle(center.live(*args, **options))


async def soon(condition):
    """Wait until it is so."""
    await asyncio.wait_for(until(condition), BOUND)


def changes(told):
    """What handlers were told."""
    return [(old, new) for _, old, new in told.calls]


def records(caplog, level):
    return [one.getMessage() for one in caplog.records if one.name == LOG and one.levelname == level]


# --- following


@pytest.mark.parametrize("cls", [Settings, Data, Model])
async def test_the_value_is_an_instance_of_the_class_and_stays_current(center, told, cls):
    live = await opened(center, cls)
    assert live.on_change(partial(told, "change")) is live
    assert (live.value, live.source, live.error) == (cls(), "etcd", None)
    for count, level in enumerate(("debug", "trace"), 1):
        await save(center, level=level)
        await told.until("change", count)
    await settle(center.delete("level"))
    await told.until("change", 3)
    states = [cls(), cls(level="debug"), cls(level="trace"), cls()]
    assert changes(told) == [*pairwise(states)]
    assert live.value == cls()


async def test_without_a_class_the_value_is_a_tree(center, told):
    await save(center, db__port=1)
    live = (await opened(center)).on_change(partial(told, "change"))
    assert live.value == {"db": {"port": 1}}
    await save(center, db__host="here")
    await told.until("change")
    assert live.value == {"db": {"port": 1, "host": "here"}}


async def test_it_says_where_it_is(center, told):
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    saved = await settle(center.save("level", "debug"))
    await told.until("change")
    assert live.revision == saved.revision
    assert repr(live) == f"<Live 'config/' from etcd at revision {saved.revision}>"


async def test_it_is_entered_and_closed_at_the_end_of_the_block(face, center):
    if face.name == "blocking":
        with center.live(Settings) as live:
            assert (type(live), live.value) == (Live, Settings())
    else:
        async with center.live(Settings) as live:
            assert (type(live), live.value) == (Live, Settings())
    assert live._over.is_set()


async def test_a_change_for_another_instance_is_none(make_center, told):
    mine = make_center(instance="w1", groups=["one"])
    live = (await opened(mine, Settings)).on_change(partial(told, "change"))
    await settle(mine.save("level", "of another", only="w2"))
    for count, (only, level) in enumerate(((None, "all"), ("one", "of one"), ("w1", "own")), 1):
        await settle(mine.save("level", level, only=only))
        await told.until("change", count)
    assert [new.level for _, new in changes(told)] == ["all", "of one", "own"]
    assert live.value.level == "own"


async def test_a_transaction_is_one_change(center, client, told):
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    puts = [ops.put("config/db/host").value("there"), ops.put("config/db/port").value("1")]
    await settle(client.txn().then(*puts).commit())
    await told.until("change")
    await save(center, level="last")
    await told.until("change", 2)
    there = Settings(db=Database("there", 1))
    assert changes(told) == [(Settings(), there), (there, Settings("last", Database("there", 1)))]
    assert live.value.level == "last"


async def test_what_changes_nothing_is_not_told(center, told):
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    await save(center, level="info")
    await save(center, level="info")
    await save(center, level="last")
    await told.until("change")
    assert changes(told) == [(Settings("info"), Settings("last"))]
    assert live.value == Settings("last")


async def test_many_changes_end_with_the_last_and_each_is_told_from_the_one_before(center, client, told):
    live = (await opened(center, Numbers)).on_change(partial(told, "change"))
    for number in range(1, CHANGES // KEYS + 1):
        await settle(client.batch([ops.put(f"config/numbers/k{key}").value(number) for key in range(KEYS)]))
    last = Numbers({f"k{key}": CHANGES // KEYS for key in range(KEYS)})
    await soon(lambda: [new for _, new in changes(told)[-1:]] == [last])
    assert live.value == last
    assert [old for old, _ in changes(told)] == [Numbers(), *(new for _, new in changes(told)[:-1])]
    seen = [set(new.numbers.values()) for _, new in changes(told)]
    assert all(len(values) == 1 for values in seen)
    assert sorted(seen, key=min) == seen


async def test_the_value_is_an_attribute_that_needs_no_server(make, face, fragile):
    center = CENTERS[face.name](make(hosts=[fragile.endpoint]))
    await save(center, level="debug")
    live = await opened(center, Settings)
    fragile.pause()
    assert live.__dict__["value"] is live.value
    assert live.value == Settings("debug")


# --- what can't be used


async def test_an_invalid_change_is_refused_told_and_mended_by_the_next(center, told, caplog):
    await save(center, level="good")
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    await save(center, db__port="text", level="bad")
    await soon(lambda: live.error is not None)
    expected = "etcd config/db/port: db.port: expected int, got str"
    assert (str(live.error), type(live.error)) == (expected, ConfigError)
    assert live.value == Settings("good")
    assert any(expected in message for message in records(caplog, "ERROR"))
    await save(center, db__port=1)
    await told.until("change")
    assert live.error is None
    assert changes(told) == [(Settings("good"), Settings("bad", Database(port=1)))]


async def test_taking_a_wrong_value_away_mends_it_and_nothing_has_changed(center, told):
    live = (await opened(center, Settings)).on_change(partial(told, "change"))
    await save(center, lvel="x")
    await soon(lambda: live.error is not None)
    assert "did you mean 'level'" in str(live.error)
    await settle(center.delete("lvel"))
    await soon(lambda: live.error is None)
    assert (told.calls, live.value) == ([], Settings())


async def test_one_that_no_class_can_be_made_of_is_the_error_at_the_start(center):
    before = threads()
    await save(center, db__port="text")
    with pytest.raises(ConfigError, match=r"^etcd config/db/port: db.port: expected int, got str$"):
        await opened(center, Settings)
    await nothing_left(before)


async def test_with_a_default_that_stands_until_it_is_mended(center, told):
    await save(center, db__port="text")
    live = await opened(center, Settings, default=Settings("default"))
    live.on_change(partial(told, "change"))
    assert (live.value, live.source) == (Settings("default"), "default")
    assert "etcd config/db/port" in str(live.error)
    await save(center, db__port=1)
    await told.until("change")
    assert changes(told) == [(Settings("default"), Settings(db=Database(port=1)))]
    assert (live.source, live.error) == ("etcd", None)


async def test_whatever_a_validator_raises_it_goes_on_with_the_next_good_one(center, told):
    live = (await opened(center, Odd)).on_change(partial(told, "change"))
    await save(center, level="key")
    await soon(lambda: live.error is not None)
    await save(center, level="good")
    await told.until("change")
    assert changes(told) == [(Odd(), Odd("good"))]


async def test_whatever_a_validator_raises_at_the_start_leaves_nothing(center):
    before = threads()
    await save(center, level="key")
    with pytest.raises(ConfigError, match="key"):
        await opened(center, Odd)
    await nothing_left(before)


async def test_one_that_is_cancelled_while_it_is_opened_leaves_nothing(options):
    def hold(value):
        entered.set()
        assert go.wait(BOUND)

    @attrs.define
    class Slow:
        level: str = attrs.field(default="", validator=lambda slow, attribute, value: hold(value))

    entered, go = threading.Event(), threading.Event()
    async with AsyncETCDService(options) as client:
        opening = asyncio.ensure_future(opened(AsyncConfigCenter(client), Slow))
        assert await asyncio.to_thread(entered.wait, BOUND)
        opening.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await nothing_left(threads())


# --- handlers


async def test_what_a_handler_raises_is_logged_and_others_are_called(center, told, caplog):
    def fails(old, new):
        raise RuntimeError("no good")

    live = (await opened(center, Settings)).on_change(fails).on_change(partial(told, "change"))
    for count, level in enumerate("ab", 1):
        await save(center, level=level)
        await told.until("change", count)
    assert live.value.level == "b"
    (first, *_) = [one for one in caplog.records if one.name == LOG and one.exc_info]
    assert "no good" in str(first.exc_info[1])


async def test_a_handler_may_be_async_in_asyncio_and_ends_before_the_next_call(face, center, told):
    entered, go = threading.Event(), threading.Event()

    def slow(old, new):
        told("begun", new.level)
        entered.set()
        assert go.wait(BOUND)
        told("done", new.level)

    async def awaited(old, new):
        await asyncio.to_thread(slow, old, new)

    live = (await opened(center, Settings)).on_change(slow if face.name == "blocking" else awaited)
    await save(center, level="1")
    assert await asyncio.to_thread(entered.wait, BOUND)
    await save(center, level="2")
    go.set()
    await told.until("done", 2)
    assert told.calls == [("begun", "1"), ("done", "1"), ("begun", "2"), ("done", "2")]
    assert live.value.level == "2"


async def test_a_handler_may_use_the_client_and_the_centre(face, center, client, told):
    def answer(old, new):
        if new.level == "asked":
            center.save("level", "answered")
            told("done", client.get("config/level").string())

    async def awaited(old, new):
        if new.level == "asked":
            await center.save("level", "answered")
            told("done", await client.get("config/level").string())

    live = (await opened(center, Settings)).on_change(answer if face.name == "blocking" else awaited)
    await save(center, level="asked")
    await told.until("done")
    assert told.calls == [("done", "answered")]
    await soon(lambda: live.value.level == "answered")


async def test_a_handler_may_close_it_and_is_called_no_more(face, make_center, center, told):
    def stop(old, new):
        live.close()
        told("closed")

    async def awaited(old, new):
        await live.close()
        told("closed")

    before = threads()
    live = (await opened(center, Settings)).on_change(stop if face.name == "blocking" else awaited)
    await save(center, level="1")
    await told.until("closed")
    await save(center, level="2")
    await nothing_left(before)
    assert (told.calls, live.value.level) == ([("closed",)], "1")


# --- the end


async def test_closing_twice_is_fine_and_leaves_nothing(make, face, fragile):
    center = CENTERS[face.name](make(hosts=[fragile.endpoint]))
    await save(center, level="debug")
    await comes_to(fragile, WATCHERS, 0)
    before = threads()
    live = await opened(center, Settings)
    await comes_to(fragile, WATCHERS, 1)
    await settle(live.close())
    await settle(live.close())
    await comes_to(fragile, WATCHERS, 0)
    await nothing_left(before)
    assert live.value == Settings("debug")


async def test_closing_the_client_ends_it_and_leaves_nothing(make, face):
    before = threads()
    client = make()
    live = await opened(CENTERS[face.name](client), Settings)
    await closed(client)
    await nothing_left(before)
    assert live.value == Settings()
    await settle(live.close())


async def test_a_closed_client_has_no_live_configuration(center, client):
    await closed(client)
    with pytest.raises(errors.ClientClosedError):
        await opened(center, Settings, default=Settings())


# --- as a layer


async def test_it_is_the_highest_of_the_files_layers(center, tmp_path, monkeypatch):
    (tmp_path / "a.default.yaml").write_text("level: default\nrate: 1\ndb: {host: default}")
    (tmp_path / "a.prod.yaml").write_text("level: prod\nrate: 2")
    monkeypatch.setenv("ETCD_FACTORY__RATE", "3")
    await save(center, level="etcd", rate=4)
    live = await opened(center)
    assert load_config(tmp_path, live) == {"level": "etcd", "rate": 3, "db": {"host": "default"}}
    layers = {key: row.layer for key, row in explain_config(tmp_path, live).items()}
    assert layers == {
        "level": "etcd config/level",
        "rate": "$ETCD_FACTORY__RATE",
        "db.host": str(tmp_path / "a.default.yaml"),
    }


async def test_it_is_as_it_is_now_with_what_is_for_this_instance(make_center, told):
    center = make_center(instance="w1")
    live = (await opened(center)).on_change(partial(told, "change"))
    await settle(center.save("level", "own", only="w1"))
    await told.until("change")
    assert load_config({"level": "beneath"}, live) == {"level": "own"}
    assert explain_config(live)["level"].layer == "etcd config/@w1/level"


async def test_a_fault_in_it_names_the_key_in_etcd(center):
    await save(center, etcd__client__hots="127.0.0.1:1")
    live = await opened(center)
    with pytest.raises(ConfigError, match=r"^etcd config/etcd/client/hots: etcd.client.hots: .*did you mean 'hosts'"):
        ETCDServiceFactory.from_config({"etcd": {}}, live)
