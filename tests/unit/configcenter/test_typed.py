"""From a tree to a user's class; every fault names its key in etcd."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

import attrs
import pytest
from omegaconf import DictConfig
from omegaconf.errors import ReadonlyConfigError
from pydantic import BaseModel, ConfigDict, Field, field_validator

from etcd_factory.configcenter.plan import Plan
from etcd_factory.configcenter.typed import reader
from etcd_factory.errors import ConfigError

SECRET = "hunter2-hunter2"


@attrs.define
class Database:
    host: str = "localhost"
    port: int = 5432


@attrs.define
class Settings:
    level: str = "info"
    rate: float = 1.0
    db: Database = attrs.field(factory=Database)
    tags: list[str] = attrs.field(factory=list)
    levels: dict[str, str] = attrs.field(factory=dict)
    spares: list[Database] = attrs.field(factory=list)
    most: Optional[int] = None  # noqa: UP045  # OmegaConf needs it spelled so


@dataclass
class DataBase:
    host: str = "localhost"
    port: int = 5432


@dataclass
class Data:
    level: str = "info"
    rate: float = 1.0
    db: DataBase = field(default_factory=DataBase)
    tags: list[str] = field(default_factory=list)
    levels: dict[str, str] = field(default_factory=dict)
    spares: list[DataBase] = field(default_factory=list)
    most: Optional[int] = None  # noqa: UP045


class ModelBase(BaseModel):
    model_config = ConfigDict(extra="forbid")
    host: str = "localhost"
    port: int = 5432


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    level: str = "info"
    rate: float = 1.0
    db: ModelBase = ModelBase()
    tags: list[str] = []
    levels: dict[str, str] = {}
    spares: list[ModelBase] = []
    most: Optional[int] = None  # noqa: UP045


@attrs.frozen
class Inner:
    host: str = "here"


@attrs.frozen
class Frozen:
    level: str = "info"
    inner: Inner = attrs.field(factory=Inner)


CLASSES = [Settings, Data, Model]
STRUCTURED = [Settings, Data]


def build(cls, entries=()):
    return Plan(cls, "config/", resolve=True).build(dict(entries))


def faults(cls, entries=()):
    with pytest.raises(ConfigError) as caught:
        build(cls, entries)
    return [str(fault) for fault in caught.value.faults]


# --- valid


@pytest.mark.parametrize("cls", CLASSES)
def test_without_keys_the_value_has_the_defaults_of_its_class(cls):
    assert build(cls) == cls()
    assert type(build(cls)) is cls


FULL = {
    "level": "debug",
    "rate": "2",
    "db/port": "1",
    "tags": '["a", "5"]',
    "levels": '{"root": "info"}',
    "spares": '[{"host": "there"}]',
    "most": "3",
}


@pytest.mark.parametrize("cls", CLASSES)
def test_a_value_has_what_is_in_etcd_nested_classes_too(cls):
    found = build(cls, FULL)
    assert (found.level, found.rate, found.tags, found.levels, found.most) == (
        "debug",
        2.0,
        ["a", "5"],
        {"root": "info"},
        3,
    )
    base = type(cls().db)
    assert (found.db, found.spares) == (base(port=1), [base(host="there")])
    assert type(found.rate) is float


@pytest.mark.parametrize("cls", CLASSES)
def test_null_is_a_value_of_an_optional_field(cls):
    assert build(cls, {"most": "null"}).most is None


@pytest.mark.parametrize("cls", CLASSES)
def test_a_name_with_a_dot_in_a_mapping_is_one_name(cls):
    assert build(cls, {"levels": '{"my.package": "debug"}'}).levels == {"my.package": "debug"}


@pytest.mark.parametrize("cls", CLASSES)
def test_an_interpolation_is_resolved(cls):
    assert build(cls, {"level": "${db.host}", "db/host": "here"}).level == "here"


def test_without_a_class_the_value_is_a_read_only_tree():
    found = build(None, {"db/port": "1"})
    assert isinstance(found, DictConfig)
    assert found == {"db": {"port": 1}}
    with pytest.raises(ReadonlyConfigError):
        found.db.port = 2


# --- invalid


@pytest.mark.parametrize("cls", STRUCTURED)
@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("db/port", "text", "etcd config/db/port: db.port: expected int, got str"),
        ("rate", "fast", "etcd config/rate: rate: expected float, got str"),
        ("level", "null", "etcd config/level: level: expected str, got NoneType"),
        ("level", "[a]", "etcd config/level: level: expected str, got list"),
        ("lvel", "1", "etcd config/lvel: lvel: unknown; did you mean 'level'?"),
        ("db/prot", "1", "etcd config/db/prot: db.prot: unknown; did you mean 'port'?"),
        ("zzzzzz", "1", "etcd config/zzzzzz: zzzzzz: unknown"),
    ],
)
def test_a_fault_names_its_key_what_was_expected_and_the_nearest_name(cls, key, value, expected):
    assert faults(cls, {key: value}) == [expected]


@pytest.mark.parametrize("key", ["db/port", "db.port"])
def test_a_fault_in_a_model_names_its_key(key):
    (fault,) = faults(Model, {key: "text"})
    assert fault.startswith(f"etcd config/{key}: db.port: Input should be a valid integer")


def test_a_model_that_forbids_unknown_keys_names_them():
    (fault,) = faults(Model, {"lvel": "1"})
    assert fault.startswith("etcd config/lvel: lvel: ")


@pytest.mark.parametrize("cls", CLASSES)
def test_a_value_in_place_of_a_nested_class_is_reported(cls):
    (fault,) = faults(cls, {"db": "5"})
    assert fault.startswith("etcd config/db: db: ")


@pytest.mark.parametrize("cls", CLASSES)
def test_an_invalid_element_of_a_list_is_reported(cls):
    (fault,) = faults(cls, {"tags": '["a", {"b": 1}]'})
    assert fault.startswith("etcd config/tags: tags")
    assert "expected List, got list" not in fault


@pytest.mark.parametrize("cls", CLASSES)
def test_an_unknown_name_in_a_list_of_classes_is_reported(cls):
    (fault,) = faults(cls, {"spares": '[{"hots": "there"}]'})
    assert fault.startswith("etcd config/spares: spares")
    assert "did you mean 'spares'" not in fault


@pytest.mark.parametrize("cls", CLASSES)
def test_all_faults_are_reported_together(cls):
    found = faults(cls, {"db/port": "x", "rate": "y", "lvel": "z"})
    assert sorted(fault.split(": ")[0] for fault in found) == [
        "etcd config/db/port",
        "etcd config/lvel",
        "etcd config/rate",
    ]


@attrs.define
class Given:
    host: str
    port: int
    size: int = 1


@dataclass
class DataGiven:
    host: str
    port: int
    size: int = 1


class ModelGiven(BaseModel):
    host: str
    port: int
    size: int = 1


GIVEN = [Given, DataGiven, ModelGiven]


@pytest.mark.parametrize("cls", GIVEN)
def test_each_missing_required_value_is_reported(cls):
    found = faults(cls, {"size": "2"})
    assert [fault.split(":")[0] for fault in found] == ["host", "port"]
    assert build(cls, {"host": "here", "port": "1"}) == cls(host="here", port=1)


@pytest.mark.parametrize("cls", GIVEN)
def test_an_invalid_required_value_is_reported_once(cls):
    (fault,) = faults(cls, {"host": "here", "port": "text"})
    assert fault.startswith("etcd config/port: port: ")


def test_an_interpolation_that_cannot_be_resolved_is_reported():
    assert faults(Settings, {"level": "${nowhere}"}) == ["etcd config/level: level: cannot be resolved"]


# --- the class's own validators


class RefusedError(Exception):
    """An error of a user."""


@attrs.define
class Checked:
    port: int = attrs.field(default=1, validator=attrs.validators.lt(65536))
    password: str = attrs.field(default="a", validator=attrs.validators.matches_re("a*"))
    kind: str = attrs.field(default="")

    @kind.validator
    def _check(self, attribute: Any, value: str) -> None:
        errors = {
            "value": ValueError,
            "type": TypeError,
            "key": KeyError,
            "own": RefusedError,
            "assert": AssertionError,
        }
        if value in errors:
            raise errors[value]("not allowed")


@dataclass
class DataChecked:
    port: int = 1

    def __post_init__(self) -> None:
        if self.port > 65535:
            raise ValueError("a port is below 65536")


class ModelChecked(BaseModel):
    port: int = Field(1, lt=65536)
    password: str = Field("a", pattern="^a*$")

    @field_validator("port")
    @classmethod
    def _even(cls, value: int) -> int:
        if value == 13:
            raise ValueError("no luck")
        return value


@pytest.mark.parametrize(("cls", "word"), [(Checked, "65536"), (DataChecked, "65536"), (ModelChecked, "65536")])
def test_what_the_class_refuses_is_a_config_error(cls, word):
    (fault,) = faults(cls, {"port": "70000"})
    assert word in fault


def test_the_error_of_a_model_s_validator_names_the_key():
    assert faults(ModelChecked, {"port": "13"}) == ["etcd config/port: port: Value error, no luck"]


@pytest.mark.parametrize("kind", ["value", "type", "key", "own", "assert"])
def test_whatever_a_validator_raises_is_a_config_error(kind):
    (fault,) = faults(Checked, {"kind": kind})
    assert "not allowed" in fault


def test_the_error_of_an_attrs_validator_shows_no_internals():
    (fault,) = faults(Checked, {"port": "70000"})
    assert "Attribute(" not in fault


@pytest.mark.parametrize("cls", [Checked, ModelChecked])
def test_a_secret_that_is_refused_is_not_shown(cls):
    found = faults(cls, {"password": SECRET})
    assert "password" in str(found)
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("cls", "key", "value"),
    [
        *((cls, "level", value) for cls in CLASSES for value in (f"[{SECRET}", f"{{a: {SECRET}}}")),
        *((cls, "port", value) for cls in (Checked, ModelChecked) for value in (SECRET, f"[{SECRET}]")),
        (None, "level", f"[{SECRET}"),
    ],
)
def test_a_value_of_the_wrong_type_is_not_shown(cls, key, value):
    (fault,) = faults(cls, {key: value})
    assert fault.startswith(f"etcd config/{key}: ")
    assert SECRET not in fault


# --- classes


@pytest.mark.parametrize("cls", [int, dict, str, object, "Settings", Settings(), Data(), Model(), list[int]])
def test_another_class_is_a_type_error(cls):
    with pytest.raises(TypeError, match="is neither an attrs class, a dataclass nor a pydantic model"):
        reader(cls)


@attrs.define
class Odd:
    what: RefusedError = attrs.field(factory=RefusedError)


def test_a_type_that_omegaconf_does_not_support_is_reported_with_advice():
    assert faults(Odd) == ["Odd: what: OmegaConf does not support this type; use a pydantic model"]


def test_a_frozen_class_is_filled():
    assert build(Frozen, {"level": "debug", "inner/host": "there"}) == Frozen("debug", Inner("there"))
