from __future__ import annotations

from pathlib import Path

import attrs

from etcd_factory.cli.settings import OPTIONS, Settings


def test_what_stands_after_the_command_wins_and_the_rest_is_kept():
    first = Settings().over({"env": "local", "client": "a", "is_json": True, "config": None})
    second = first.over({"env": "prod", "client": None, "is_json": False, "config": [Path("x")]})
    assert second == Settings((Path("x"),), "prod", "a", is_json=True)


def test_each_option_sets_a_field():
    assert list(OPTIONS) == [field.name for field in attrs.fields(Settings)]
