"""Levels of loggers that follow a mapping; with etcd in ``tests/conformance``."""

from __future__ import annotations

import logging

import pytest

from etcd_factory.integrations.logging import Levels
from etcd_factory.model import KeyValue

NAME = "tests.levels"
KEY = f"p/{NAME}".encode()


@pytest.fixture
def logger():
    logger = logging.getLogger(NAME)
    logger.setLevel("ERROR")
    yield logger
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def mirror():
    return {}


@pytest.fixture
def levels(mirror):
    return Levels("p/", mirror)


def kv(value, key=KEY):
    return KeyValue(key=key, value=value.encode(), create_revision=1, mod_revision=1, version=1, lease=0)


@pytest.mark.parametrize(("text", "level"), [("DEBUG", 10), ("debug", 10), (" info\n", 20), ("15", 15), ("NOTSET", 0)])
def test_a_level_is_a_name_or_a_number(logger, levels, mirror, text, level):
    mirror[KEY] = kv(text)
    levels.follow(KEY)
    assert logger.level == level


def test_a_logger_has_its_level_back_once_the_key_is_deleted(logger, levels, mirror):
    for text in ("DEBUG", "INFO"):
        mirror[KEY] = kv(text)
        levels.changed(None, mirror[KEY])
    levels.changed(mirror.pop(KEY), None)
    assert logger.level == logging.ERROR


@pytest.mark.parametrize("text", ["VERBOSE", "", "-1", "1.5", "\x00"])
def test_an_unknown_level_changes_nothing_and_is_logged(logger, levels, mirror, text, caplog):
    mirror[KEY] = kv(text)
    levels.follow(KEY)
    assert logger.level == logging.ERROR
    assert f"the logger {NAME!r} keeps its level" in caplog.text


def test_a_late_change_sets_what_is_there_now(logger, levels, mirror):
    mirror[KEY] = kv("INFO")
    levels.changed(None, kv("DEBUG"))
    assert logger.level == logging.INFO


def test_root_is_the_root_logger(levels, mirror):
    before = logging.getLogger().level
    mirror[b"p/root"] = kv("CRITICAL", b"p/root")
    levels.follow(b"p/root")
    assert logging.getLogger().level == logging.CRITICAL
    levels.reset()
    assert logging.getLogger().level == before


def test_after_the_end_nothing_is_changed_any_more(logger, levels, mirror):
    mirror[KEY] = kv("DEBUG")
    levels.follow(KEY)
    levels.reset()
    levels.changed(None, mirror[KEY])
    assert logger.level == logging.ERROR
