"""The configuration center: values saved, read, deleted, rolled back, and loaded into a user's class."""

from __future__ import annotations

import attrs
import pytest

from etcd_factory import errors
from etcd_factory.configcenter import Version
from etcd_factory.errors import ConfigError
from tests.support.config_centers import CENTERS, Data, Database, Model, Settings, save
from tests.support.faces import FACES, closed, failure, settle

# --- single values


VALUES = ["text", "", "5", "true", "null", "a: b", "\u00e4\n", 5, -1, 2**70, 5.0, 1e-7, True, False, None]
VALUES += [[], [1, "2", None], {}, {"a": {"b": [True]}, "5": "5"}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_a_value_is_read_as_it_was_saved(center, value):
    await settle(center.save("k", value))
    found = await settle(center.get("k", "default"))
    assert (found, type(found)) == (value, type(value))


async def test_a_missing_key_has_the_default(center):
    assert await settle(center.get("k")) is None
    assert await settle(center.get("k", 7)) == 7


async def test_saving_returns_the_revision_and_stores_the_value_below_the_prefix(center, client):
    saved = await settle(center.save("db/port", 1))
    kv = await settle(client.get("config/db/port").kv())
    assert (kv.mod_revision, kv.text) == (saved.revision, "1")


@pytest.mark.parametrize(
    ("prefix", "key"), [("app", "app/k"), ("app/", "app/k"), ("a/b//", "a/b/k"), ("", "k"), ("/app", "/app/k")]
)
async def test_a_prefix_ends_with_one_slash(make_center, client, prefix, key):
    await settle(make_center(prefix).save("k", "v"))
    assert await settle(client.get_all().keys()) == [key]
    assert await settle(make_center(prefix).load()) == {"k": "v"}


async def test_a_key_is_found_under_both_spellings(center):
    await save(center, db__port=1)
    assert await settle(center.get("db.port")) == 1


async def test_deleting_returns_whether_there_was_a_value(center):
    await save(center, k=1)
    assert await settle(center.delete("k")) is True
    assert await settle(center.delete("k")) is False
    assert await settle(center.get("k")) is None


CALLS = {
    "save": lambda center, key: center.save(key, 1),
    "get": lambda center, key: center.get(key),
    "delete": lambda center, key: center.delete(key),
    "history": lambda center, key: center.history(key),
    "rollback": lambda center, key: center.rollback(key, 1),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("key", "error"), [("", ValueError), ("a//b", ValueError), ("@a/b", ValueError), (5, TypeError)]
)
async def test_an_invalid_key_is_an_error_and_nothing_is_written(center, client, call, key, error):
    with pytest.raises(error, match="key"):
        await settle(CALLS[call](center, key))
    assert await settle(client.get_all().count()) == 0


async def test_a_stored_value_that_is_not_yaml_is_an_error_that_names_its_key(center, client):
    await settle(client.put("config/k").value("[hunter2"))
    with pytest.raises(ConfigError, match=r"^etcd config/k: is not valid YAML") as caught:
        await settle(center.get("k"))
    assert "hunter2" not in str(caught.value)


async def test_a_stored_value_that_is_not_utf_8_is_reported_with_its_key(center, client):
    await settle(client.put("config/k").value(b"[\xff"))
    with pytest.raises(ConfigError, match=r"^etcd config/k: "):
        await settle(center.load())


# --- overrides


async def test_the_value_of_the_instance_precedes_its_last_group_s_and_that_for_all(make_center):
    plain, mine = make_center(), make_center(instance="w1", groups=["one", "two"])
    for only, expected in ((None, "all"), ("one", "of one"), ("two", "of two"), ("w1", "of w1")):
        await settle(plain.save("level", expected, only=only))
        assert await settle(mine.get("level")) == expected
        assert (await settle(mine.load(Settings))).level == expected
    assert await settle(plain.get("level")) == "all"
    assert await settle(plain.load()) == {"level": "all"}


async def test_after_deleting_an_override_the_next_one_applies(make_center):
    mine = make_center(instance="w1", groups="one")
    await settle(mine.save("level", "all"))
    await settle(mine.save("level", "own", only="w1"))
    await settle(mine.save("level", "of one", only="one"))
    assert await settle(mine.delete("level", only="w1"))
    assert await settle(mine.get("level")) == "of one"
    assert await settle(mine.delete("level", only="one"))
    assert await settle(mine.get("level")) == "all"


async def test_a_fault_in_an_override_names_its_key_and_does_not_affect_others(make_center):
    plain, mine = make_center(), make_center(instance="w1")
    await settle(plain.save("db/port", "text", only="w1"))
    assert (await settle(plain.load(Settings))) == Settings()
    with pytest.raises(ConfigError, match=r"^etcd config/@w1/db/port: db.port: expected int, got str$"):
        await settle(mine.load(Settings))


@pytest.mark.parametrize("names", [{"instance": ""}, {"instance": "a/b"}, {"groups": ["a", ""]}])
def test_an_invalid_name_is_refused_at_once(make_center, names):
    with pytest.raises(ValueError, match="the name of an instance or a group"):
        make_center(**names)


# --- the whole configuration


async def test_it_is_loaded_as_a_tree_or_as_an_instance_of_a_class(center):
    await save(center, level="debug")
    assert await settle(center.load()) == {"level": "debug"}
    for cls in (Settings, Data, Model):
        assert await settle(center.load(cls)) == cls(level="debug")
    await settle(center.save("db.port", 1))
    assert await settle(center.load(Settings)) == Settings("debug", Database(port=1))


async def test_all_faults_are_reported_together_with_their_keys(center):
    await save(center, db__port="text", lvel=1, level={"a": 1})
    with pytest.raises(ConfigError) as caught:
        await settle(center.load(Settings))
    assert sorted(map(str, caught.value.faults))[0] == "etcd config/db/port: db.port: expected int, got str"
    assert [fault.path for fault in caught.value.faults if "did you mean 'level'" in fault.message] == ["lvel"]
    assert len(caught.value.faults) == 3


async def test_files_and_mappings_are_lower_layers(center, tmp_path, monkeypatch):
    (tmp_path / "a.default.yaml").write_text("level: file\ndb: {host: file, port: 1}")
    (tmp_path / "a.local.yaml").write_text("db: {port: 2}")
    await save(center, level="etcd")
    options = {"sources": [tmp_path, {"db": {"host": "mapping"}}], "env": "local"}
    assert await settle(center.load(Settings, **options)) == Settings("etcd", Database("mapping", 2))


async def test_a_fault_in_a_file_names_the_file(center, tmp_path):
    file = tmp_path / "a.default.yaml"
    file.write_text("db: {port: text}")
    with pytest.raises(ConfigError) as caught:
        await settle(center.load(Settings, sources=[tmp_path]))
    assert str(caught.value) == f"{file}: db.port: expected int, got str"


async def test_a_python_file_may_be_async_in_asyncio_only(face, center, tmp_path):
    (tmp_path / "a.default.py").write_text("async def config(info, merged):\n    return {'level': 'python'}\n")
    if not face.is_blocking:
        assert await settle(center.load(Settings, sources=[tmp_path])) == Settings("python")
    else:
        with pytest.raises(ConfigError, match="only the asyncio face can load it"):
            center.load(Settings, sources=[tmp_path])


@pytest.mark.parametrize("call", ["load", "live"])
async def test_a_class_that_cannot_be_filled_is_refused(center, call):
    with pytest.raises(TypeError, match="is neither an attrs class, a dataclass nor a pydantic model"):
        await settle(getattr(center, call)(int))


@pytest.mark.parametrize("given", [{}, "etcd", None])
def test_what_is_not_a_client_is_refused_at_once(face, given):
    with pytest.raises(TypeError, match=f"needs an {face.service.__name__}, not {type(given).__name__}"):
        CENTERS[face.name](given)


async def test_a_client_of_the_other_face_is_refused_at_once(face, options):
    (other,) = (one for one in FACES if one is not face)
    service = other.service(options)
    with pytest.raises(TypeError, match=f"needs an {face.service.__name__}, not {other.service.__name__}"):
        CENTERS[face.name](service)
    await closed(service)


@attrs.define
class Required:
    name: str


@attrs.define
class Settled:
    level: str = attrs.field(validator=attrs.validators.in_(["info"]))


@pytest.mark.parametrize(
    ("cls", "stored"),
    [
        (Settings, {"level": "[1"}),
        (Settings, {"db/port": "text", "lvel": "1"}),
        (Data, {"level": "{a: 1}"}),
        (Model, {"level": "[1]"}),
        (Settled, {"level": "debug"}),
        (Settled, {}),
        (Required, {"level": "info"}),
        (None, {"a": "[1", "b": "{"}),
        (None, {"a": "1", "a/b": "2"}),
    ],
)
async def test_it_is_validated_as_a_live_configuration_is(center, client, cls, stored):
    for key, value in stored.items():
        await settle(client.put(f"config/{key}").value(value))
    found = [await failure(lambda call=call: call(cls), ConfigError) for call in (center.load, center.live)]
    assert [*map(str, found)] == [str(found[0])] * 2
    assert found[0].faults == found[1].faults


# --- earlier values


async def test_the_history_of_a_key_is_its_values_newest_first(center):
    revisions = [(await settle(center.save("k", value))).revision for value in (1, "1", None, [1])]
    await save(center, other="x")
    expected = [Version(*pair) for pair in zip(reversed(revisions), ([1], None, "1", 1), strict=True)]
    assert await settle(center.history("k")) == expected
    assert await settle(center.history("k", limit=2)) == expected[:2]
    assert await settle(center.history("k", limit=0)) == []
    assert await settle(center.history("none")) == []


async def test_the_history_goes_back_to_the_last_creation(center):
    await save(center, k="old")
    await settle(center.delete("k"))
    assert await settle(center.history("k")) == []
    await save(center, k="new")
    assert [one.value for one in await settle(center.history("k"))] == ["new"]


async def test_the_history_ends_at_a_compaction(make, face, fragile):
    client = make(hosts=[fragile.endpoint])
    center = CENTERS[face.name](client)
    saved = [(await settle(center.save("k", number))).revision for number in range(5)]
    await settle(client.compact(saved[2]))
    assert [one.value for one in await settle(center.history("k"))] == [4, 3, 2]
    with pytest.raises(errors.CompactedError):
        await settle(center.rollback("k", saved[0]))


async def test_a_key_can_be_rolled_back_even_after_it_was_deleted(center):
    first, second = [(await settle(center.save("k", value))).revision for value in ("5", {"a": 1})]
    for revision, value in ((first, "5"), (second, {"a": 1})):
        assert (await settle(center.rollback("k", revision))).revision > second
        assert await settle(center.get("k")) == value
    await settle(center.delete("k"))
    await settle(center.rollback("k", first))
    assert await settle(center.get("k")) == "5"


async def test_rolling_back_to_a_revision_without_the_key_is_an_error_and_changes_nothing(center):
    before = (await settle(center.save("other", 1))).revision
    await save(center, k=1)
    with pytest.raises(errors.KeyNotFoundError, match=f"'config/k' had no value at revision {before}"):
        await settle(center.rollback("k", before))
    assert await settle(center.get("k")) == 1


async def test_rolling_back_to_a_future_revision_is_an_error(center):
    await save(center, k=1)
    with pytest.raises(errors.FutureRevisionError):
        await settle(center.rollback("k", 10**9))


async def test_overrides_have_a_history_and_can_be_rolled_back(center):
    first = (await settle(center.save("k", 1, only="w1"))).revision
    await settle(center.save("k", 2, only="w1"))
    await save(center, k="all")
    assert [one.value for one in await settle(center.history("k", only="w1"))] == [2, 1]
    await settle(center.rollback("k", first, only="w1"))
    assert await settle(center.get("k")) == "all"
    assert [one.value for one in await settle(center.history("k", only="w1"))] == [1, 2, 1]
