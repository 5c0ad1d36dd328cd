"""Users, members and maintenance as values."""

from pathlib import Path

import attrs
import pytest

from etcd_factory.model.cluster import Alarm, AuthStatus, HashKV, Member, Permission, Snapshot, Status

VALUES = [
    Permission("read", b"k"),
    AuthStatus(True, 3),
    Member(7, "one", ("http://a:2380",), ("http://a:2379",)),
    Status("3.5.1", 10),
    HashKV(3, 9),
    Alarm("nospace", 7),
    Snapshot(Path("backup.db"), 1056),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_cannot_be_changed_and_is_equal_by_its_contents(value):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, attrs.fields(type(value))[0].name, None)
    assert attrs.evolve(value) == value
    assert hash(attrs.evolve(value)) == hash(value)


@pytest.mark.parametrize(
    ("keys", "prefix", "shown"),
    [
        ((b"k", b""), None, "read key b'k'"),
        ((b"p/", b"p0"), b"p/", "read prefix b'p/'"),
        ((b"a", b"c"), None, "read range b'a' to b'c'"),
        ((b"a", b"\0"), None, "read range b'a' to the end"),
        ((b"\0", b"\0"), b"", "read prefix b''"),
    ],
)
def test_a_permission_shows_its_key_prefix_or_range(keys, prefix, shown):
    permission = Permission("read", *keys)
    assert (permission.prefix, str(permission)) == (prefix, shown)
    assert shown == f"read {permission.target}"


def test_a_member_that_was_never_started_has_no_name_and_no_client_urls():
    assert (Member(7).name, Member(7).client_urls, Member(7).is_learner) == ("", (), False)
