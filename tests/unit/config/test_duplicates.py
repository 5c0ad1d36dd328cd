"""Keys that are written twice: where, and without a part of a secret."""

from __future__ import annotations

import pytest

from etcd_factory.config.duplicates import duplicate, ways_to


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), "found duplicate key hunter2"),
        (("client",), "found duplicate key hunter2"),
        (("auth",), "found duplicate key ***"),
        (("auth", "password"), "found a duplicate key"),
        (("token", "a", "b"), "found a duplicate key"),
    ],
)
def test_a_key_is_shown_unless_it_may_be_a_part_of_a_secret(path, shown):
    assert duplicate(path, "hunter2") == shown


def test_a_known_key_of_credentials_is_shown():
    assert duplicate(("auth",), "pasword") == "found duplicate key pasword"


def test_the_way_to_a_value_is_found_by_its_identity_and_ends_at_a_secret():
    wanted: dict[str, object] = {}
    assert [*ways_to(wanted, {"a": [{}, {"b": wanted}], "password": {"x": [wanted]}})] == [
        ("a", "1", "b"),
        ("password", "0"),
    ]
