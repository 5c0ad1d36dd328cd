from __future__ import annotations

import json
import logging

import pytest

from etcd_factory.cli.logs import print_log, stop_printing
from etcd_factory.errors import DeadlineExceededError

LOG = logging.getLogger("etcd_factory.test")


@pytest.fixture(autouse=True)
def stopped():
    yield
    stop_printing()


def test_warnings_are_lines_with_the_advice_of_the_command_line(capsys):
    print_log(is_json=False)
    LOG.info("unseen")
    LOG.warning("%s fail: %s", "calls", DeadlineExceededError("late"))
    assert capsys.readouterr().err.startswith("calls fail: late; if the server is only slow, raise --timeout")


def test_with_json_they_are_documents(capsys):
    print_log(is_json=False)
    print_log(is_json=True)
    LOG.warning("%s", "lost")
    assert json.loads(capsys.readouterr().err) == {"log": "lost", "level": "WARNING", "logger": "etcd_factory.test"}
