"""Configuration centers and what they are loaded into; the fixtures are imported by a conftest.py."""

from __future__ import annotations

from dataclasses import dataclass

import attrs
import pytest
from pydantic import BaseModel

from etcd_factory.configcenter import AsyncConfigCenter, ConfigCenter

from .faces import in_time, settle, until

CENTERS = {"blocking": ConfigCenter, "asyncio": AsyncConfigCenter}
LOG = "etcd_factory.configcenter"


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
    """A function that creates configuration centers of the face in this test's namespace."""
    return lambda *args, **options: CENTERS[face.name](client, *args, **options)


@pytest.fixture
def center(make_center):
    """A configuration center of the face in this test's namespace."""
    return make_center()


async def save(center, **values):
    """Save values by their keys; ``__`` means a slash."""
    for key, value in values.items():
        await settle(center.save(key.replace("__", "/"), value))


async def follow(center, *args, **options):
    """Return ``center.live(...)``, opened."""
    return await settle(center.live(*args, **options))


async def eventually(condition):
    """Wait until the condition holds."""
    await in_time(until(condition))


def changes(recorder):
    """The pairs ``(old, new)`` that a handler ``partial(recorder, "change")`` received."""
    return [(old, new) for name, old, new in recorder.calls if name == "change"]


def records(caplog, level):
    """The messages that the configuration center logged at a level."""
    return [one.getMessage() for one in caplog.records if one.name == LOG and one.levelname == level]
