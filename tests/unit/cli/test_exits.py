from __future__ import annotations

import re
from pathlib import Path

import pytest

from etcd_factory import errors
from etcd_factory.cli import exits

TABLE = Path(__file__).parents[3] / "docs" / "cli.md"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x"), 2),
        (errors.InstanceNotFoundError("x"), 2),
        (errors.LockFailedError("x"), 1),
        (errors.LeaseNotFoundError("x"), 1),
        (errors.ConnectionFailedError("x"), 3),
        (errors.TLSError("x"), 3),
        (errors.DeadlineExceededError("x"), 3),
        (errors.NoLeaderError("x"), 3),
        (errors.PermissionDeniedError("x"), 4),
        (errors.AuthenticationFailedError("x"), 4),
        (ValueError("x"), 2),
        (PermissionError("x"), 1),
        (KeyError("x"), None),
        (AssertionError("x"), None),
    ],
)
def test_each_error_has_its_code(error, code):
    assert exits.code_of(error) == code


def test_every_code_is_documented():
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", TABLE.read_text(), re.MULTILINE)}
    assert documented == {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
