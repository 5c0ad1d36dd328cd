"""The configuration centre: values saved, read, taken away, brought back, and made into the user's own class."""

from __future__ import annotations

from dataclasses import dataclass

import attrs
import pytest
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException
from pydantic import BaseModel

from etcd_factory import ETCDService, ETCDServiceFactory, errors
from etcd_factory.configcenter import AsyncConfigCenter, ConfigCenter, Version, etcd_resolver
from etcd_factory.errors import ConfigError
from tests.support.faces import FACES, closed, settle

CENTERS = {"blocking": ConfigCenter, "asyncio": AsyncConfigCenter}


@attrs.define
class Database:
    host: str = "localhost"
    port: int = 5432


@attrs.define
class Settings:
    level: str = "info"
    db: Database = attrs.field(factory=Database)


@dataclass
class Data:
    level: str = "info"


class Model(BaseModel):
    level: str = "info"


@pytest.fixture
def make_center(face, client):
    """Makes centres of the face in this test's namespace."""
    return lambda *args, **options: CENTERS[face.name](client, *args, **options)


@pytest.fixture
def center(make_center):
    return make_center()


async def save(center, **values):
    """Save values, ``__`` for a slash."""
    for key, value in values.items():
        await settle(center.save(key.replace("__", "/"), value))


# --- single values


VALUES = ["text", "", "5", "true", "null", "a: b", "\u00e4\n", 5, -1, 2**70, 5.0, 1e-7, True, False, None]
VALUES += [[], [1, "2", None], {}, {"a": {"b": [True]}, "5": "5"}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_what_was_saved_is_got_as_it_was(center, value):
    await settle(center.save("k", value))
    found = await settle(center.get("k", "default"))
    assert (found, type(found)) == (value, type(value))


async def test_a_key_that_is_not_there_is_the_default(center):
    assert await settle(center.get("k")) is None
    assert await settle(center.get("k", 7)) == 7


async def test_saving_gives_the_revision_and_the_key_stands_below_the_prefix(center, client):
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


async def test_a_key_is_got_however_it_was_written(center):
    await save(center, db__port=1)
    assert await settle(center.get("db.port")) == 1


async def test_deleting_says_whether_there_was_one(center):
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
async def test_a_wrong_key_is_an_error_and_nothing_is_written(center, client, call, key, error):
    with pytest.raises(error, match="key"):
        await settle(CALLS[call](center, key))
    assert await settle(client.get_all().count()) == 0


async def test_a_stored_value_that_is_no_yaml_is_an_error_that_names_its_key(center, client):
    await settle(client.put("config/k").value("[hunter2"))
    with pytest.raises(ConfigError, match=r"^etcd config/k: is not valid YAML") as caught:
        await settle(center.get("k"))
    assert "hunter2" not in str(caught.value)


async def test_a_stored_value_that_is_no_text_is_told_with_its_key(center, client):
    await settle(client.put("config/k").value(b"[\xff"))
    with pytest.raises(ConfigError, match=r"^etcd config/k: "):
        await settle(center.load())


# --- for some instances only


async def test_what_counts_is_the_instance_s_own_then_its_last_group_s_then_that_for_all(make_center):
    plain, mine = make_center(), make_center(instance="w1", groups=["one", "two"])
    for only, expected in ((None, "all"), ("one", "of one"), ("two", "of two"), ("w1", "of w1")):
        await settle(plain.save("level", expected, only=only))
        assert await settle(mine.get("level")) == expected
        assert (await settle(mine.load(Settings))).level == expected
    assert await settle(plain.get("level")) == "all"
    assert await settle(plain.load()) == {"level": "all"}


async def test_what_is_taken_away_for_one_is_as_for_all_again(make_center):
    mine = make_center(instance="w1", groups="one")
    await settle(mine.save("level", "all"))
    await settle(mine.save("level", "own", only="w1"))
    await settle(mine.save("level", "of one", only="one"))
    assert await settle(mine.delete("level", only="w1"))
    assert await settle(mine.get("level")) == "of one"
    assert await settle(mine.delete("level", only="one"))
    assert await settle(mine.get("level")) == "all"


async def test_a_fault_in_what_is_for_one_names_its_key_and_is_no_one_else_s(make_center):
    plain, mine = make_center(), make_center(instance="w1")
    await settle(plain.save("db/port", "text", only="w1"))
    assert (await settle(plain.load(Settings))) == Settings()
    with pytest.raises(ConfigError, match=r"^etcd config/@w1/db/port: db.port: expected int, got str$"):
        await settle(mine.load(Settings))


@pytest.mark.parametrize("names", [{"instance": ""}, {"instance": "a/b"}, {"groups": ["a", ""]}])
def test_a_wrong_name_is_told_at_once(make_center, names):
    with pytest.raises(ValueError, match="the name of an instance or a group"):
        make_center(**names)


# --- the whole


async def test_it_is_loaded_as_a_tree_or_as_the_class(center):
    await save(center, level="debug")
    assert await settle(center.load()) == {"level": "debug"}
    for cls in (Settings, Data, Model):
        assert await settle(center.load(cls)) == cls(level="debug")
    await settle(center.save("db.port", 1))
    assert await settle(center.load(Settings)) == Settings("debug", Database(port=1))


async def test_all_faults_are_told_at_once_with_their_keys(center):
    await save(center, db__port="text", lvel=1, level={"a": 1})
    with pytest.raises(ConfigError) as caught:
        await settle(center.load(Settings))
    assert sorted(map(str, caught.value.faults))[0] == "etcd config/db/port: db.port: expected int, got str"
    assert [fault.path for fault in caught.value.faults if "did you mean 'level'" in fault.message] == ["lvel"]
    assert len(caught.value.faults) == 3


async def test_files_and_mappings_stand_beneath(center, tmp_path, monkeypatch):
    (tmp_path / "a.default.yaml").write_text("level: file\ndb: {host: file, port: 1}")
    (tmp_path / "a.local.yaml").write_text("db: {port: 2}")
    await save(center, level="etcd")
    options = {"sources": [tmp_path, {"db": {"host": "mapping"}}], "env": "local"}
    assert await settle(center.load(Settings, **options)) == Settings("etcd", Database("mapping", 2))


async def test_a_fault_in_a_file_beneath_names_the_file(center, tmp_path):
    file = tmp_path / "a.default.yaml"
    file.write_text("db: {port: text}")
    with pytest.raises(ConfigError) as caught:
        await settle(center.load(Settings, sources=[tmp_path]))
    assert str(caught.value) == f"{file}: db.port: expected int, got str"


async def test_a_python_file_beneath_may_be_async_in_asyncio(face, center, tmp_path):
    (tmp_path / "a.default.py").write_text("async def config(info, merged):\n    return {'level': 'python'}\n")
    if face.name == "asyncio":
        assert await settle(center.load(Settings, sources=[tmp_path])) == Settings("python")
    else:
        with pytest.raises(ConfigError, match="only the asyncio face can load it"):
            center.load(Settings, sources=[tmp_path])


@pytest.mark.parametrize("call", ["load", "live"])
def test_a_wrong_class_is_told_at_once(center, call):
    with pytest.raises(TypeError, match="is neither an attrs class, a dataclass nor a pydantic model"):
        getattr(center, call)(int)


@pytest.mark.parametrize("given", [{}, "etcd", None])
def test_what_is_no_service_is_told_at_once(face, given):
    with pytest.raises(TypeError, match=f"needs an {face.service.__name__}, not {type(given).__name__}"):
        CENTERS[face.name](given)


async def test_a_service_of_the_other_face_is_told_at_once(face, options):
    (other,) = (one for one in FACES if one is not face)
    service = other.service(options)
    with pytest.raises(TypeError, match=f"needs an {face.service.__name__}, not {other.service.__name__}"):
        CENTERS[face.name](service)
    await closed(service)


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


async def test_the_history_ends_where_the_store_was_compacted(make, face, fragile):
    client = make(hosts=[fragile.endpoint])
    center = CENTERS[face.name](client)
    saved = [(await settle(center.save("k", number))).revision for number in range(5)]
    await settle(client.compact(saved[2]))
    assert [one.value for one in await settle(center.history("k"))] == [4, 3, 2]
    with pytest.raises(errors.CompactedError):
        await settle(center.rollback("k", saved[0]))


async def test_a_key_is_rolled_back_also_after_it_was_deleted(center):
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


async def test_rolling_back_to_the_future_is_an_error(center):
    await save(center, k=1)
    with pytest.raises(errors.FutureRevisionError):
        await settle(center.rollback("k", 10**9))


async def test_history_and_rollback_are_for_one_instance_too(center):
    first = (await settle(center.save("k", 1, only="w1"))).revision
    await settle(center.save("k", 2, only="w1"))
    await save(center, k="all")
    assert [one.value for one in await settle(center.history("k", only="w1"))] == [2, 1]
    await settle(center.rollback("k", first, only="w1"))
    assert await settle(center.get("k")) == "all"
    assert [one.value for one in await settle(center.history("k", only="w1"))] == [1, 2, 1]


# --- one value in a configuration


@pytest.fixture
def etcd(options):
    with ETCDService(options) as service:
        yield service


def resolved(text):
    return OmegaConf.create({"x": text}).x


def test_an_interpolation_is_a_client_s_value_as_yaml(etcd):
    etcd.put("a/b").value("[1, two]")
    etcd.put("c.d").value("text")
    with etcd_resolver({"instance1": etcd}):
        assert resolved("${etcd:instance1,a/b}") == [1, "two"]
        assert resolved("${etcd:instance1,c.d}") == "text"
        assert resolved("is ${etcd:instance1,c.d}") == "is text"


def test_a_client_and_a_key_may_have_names_that_look_like_numbers(etcd):
    etcd.put("5").value("text")
    with etcd_resolver({"1": etcd}):
        assert resolved("${etcd:1,5}") == "text"


def test_a_missing_key_is_the_default_or_an_error_that_names_it(etcd):
    with etcd_resolver({"instance1": etcd}):
        assert resolved("${etcd:instance1,none,7}") == 7
        assert resolved("${etcd:instance1,none,null}") is None
        with pytest.raises(InterpolationResolutionError, match=r"etcd:instance1,none.*there is no such key"):
            resolved("${etcd:instance1,none}")


def test_an_unknown_client_is_an_error_with_a_suggestion(etcd):
    wrong = r"there is no etcd client 'instance2'; did you mean 'instance1'"
    with etcd_resolver({"instance1": etcd}), pytest.raises(InterpolationResolutionError, match=wrong):
        resolved("${etcd:instance2,k}")


def test_it_is_gone_after_the_block_also_after_an_error(etcd):
    with pytest.raises(RuntimeError, match="mine"), etcd_resolver({"instance1": etcd}):
        raise RuntimeError("mine")
    with pytest.raises(OmegaConfBaseException, match="Unsupported interpolation type etcd"):
        resolved("${etcd:instance1,k}")


def test_it_takes_a_factory_s_clients(etcd, options):
    etcd.put("k").value("v")
    with ETCDServiceFactory({"clients": {"instance1": options}}) as factory, etcd_resolver(factory):
        assert resolved("${etcd:instance1,k}") == "v"


def test_a_value_is_read_once_in_each_configuration(etcd):
    etcd.put("k").value("one")
    with etcd_resolver({"instance1": etcd}):
        tree = OmegaConf.create({"x": "${etcd:instance1,k}"})
        assert tree.x == "one"
        etcd.put("k").value("two")
        assert (tree.x, resolved("${etcd:instance1,k}")) == ("one", "two")
