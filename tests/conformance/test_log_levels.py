"""Levels of loggers that follow keys in etcd, in both faces."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager

import pytest

from etcd_factory import ETCDService
from etcd_factory.integrations.logging import alog_levels, log_levels
from tests.support.faces import settle, until

NAME = "tests.log_levels"


@pytest.fixture
def logger():
    logger = logging.getLogger(NAME)
    logger.setLevel("ERROR")
    yield logger
    logger.setLevel(logging.NOTSET)


def following(client):
    """Follow the levels, in the face of the client."""

    @asynccontextmanager
    async def blocking():
        with log_levels(client):
            yield

    return blocking() if isinstance(client, ETCDService) else alog_levels(client)


async def test_levels_are_those_of_the_keys_until_the_end(client, logger):
    await settle(client.put(f"logging/{NAME}").value("DEBUG"))
    async with following(client):
        assert logger.level == logging.DEBUG
        await settle(client.put(f"logging/{NAME}").value("warning"))
        await until(lambda: logger.level == logging.WARNING)
        await settle(client.delete().key(f"logging/{NAME}"))
        await until(lambda: logger.level == logging.ERROR)
        await settle(client.put(f"logging/{NAME}").value("INFO"))
        await until(lambda: logger.level == logging.INFO)
    assert logger.level == logging.ERROR
