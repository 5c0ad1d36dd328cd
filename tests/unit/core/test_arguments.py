"""What users pass to calls is checked where it is passed."""

from __future__ import annotations

from enum import IntEnum
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etcd_factory.core.arguments import (
    FOREVER,
    LONGEST_TTL,
    MOST,
    count,
    key_part,
    lease_id,
    name,
    seconds,
    to_bytes,
    to_json,
    to_value,
    ttl_seconds,
)


class Level(IntEnum):
    """A number whose repr is none."""

    HIGH = 3


@pytest.mark.parametrize(("key", "expected"), [("ключ", "ключ".encode()), (b"\xff\0", b"\xff\0"), ("", b"")])
def test_a_key_is_text_as_utf_8_or_bytes(key, expected):
    assert to_bytes(key) == expected


@pytest.mark.parametrize("key", [None, 1, ["k"], bytearray(b"k")], ids=repr)
def test_a_key_of_another_type_is_an_error_that_names_the_type(key):
    with pytest.raises(TypeError, match=f"a prefix must be str or bytes, not {type(key).__name__}"):
        to_bytes(key, "a prefix")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("text", b"text"), (b"\xff", b"\xff"), (7, b"7"), (-1.5, b"-1.5"), (Level.HIGH, b"3"), (2**70, b"%d" % 2**70)],
    ids=repr,
)
def test_a_value_is_text_bytes_or_a_number_as_decimal_text(value, expected):
    assert to_value(value) == expected


@given(st.integers() | st.floats(allow_nan=False))
def test_a_number_reads_back_as_itself(number):
    kind = type(number)
    assert kind(to_value(number).decode()) == number


@pytest.mark.parametrize("value", [None, True, {"a": 1}, [1]], ids=repr)
def test_a_value_of_another_type_is_an_error_that_names_json(value):
    with pytest.raises(TypeError, match=rf"not {type(value).__name__}; \.json\(\) stores other types"):
        to_value(value)


def test_json_is_for_any_value():
    assert to_json({"a": [1, None, True]}) == b'{"a": [1, null, true]}'


def test_what_json_cannot_hold_is_a_type_error():
    with pytest.raises(TypeError):
        to_json({1, 2})


@pytest.mark.parametrize("value", [0, 1, 2**62, Level.HIGH], ids=repr)
def test_a_count_is_a_whole_number(value):
    assert count(value, "a limit") == value


@pytest.mark.parametrize("value", [True, 1.0, "1", None], ids=repr)
def test_a_count_of_another_type_is_an_error(value):
    with pytest.raises(TypeError, match=f"a limit must be an int, not {type(value).__name__}"):
        count(value, "a limit")


def test_a_negative_count_is_an_error():
    with pytest.raises(ValueError, match="a limit must not be negative: -1"):
        count(-1, "a limit")


def test_a_count_has_63_bits():
    assert count(MOST, "a limit") == MOST
    with pytest.raises(ValueError, match=f"a limit must be at most {(1 << 63) - 1}, not {1 << 63}"):
        count(1 << 63, "a limit")


@pytest.mark.parametrize("value", [1, LONGEST_TTL])
def test_a_ttl_is_at_least_a_second_and_at_most_what_etcd_grants(value):
    assert ttl_seconds(value) == value


@pytest.mark.parametrize(
    ("value", "error"),
    [(0, ValueError), (-1, ValueError), (LONGEST_TTL + 1, ValueError), (1.5, TypeError), (True, TypeError)],
)
def test_any_other_ttl_is_an_error(value, error):
    with pytest.raises(error, match="a ttl must be"):
        ttl_seconds(value)


@pytest.mark.parametrize("value", [1, (1 << 63) - 1])
def test_a_lease_id_has_63_bits(value):
    assert lease_id(value) == value


def test_any_other_lease_id_is_an_error_that_says_the_range():
    with pytest.raises(ValueError, match=f"a lease id must be from 1 to {(1 << 63) - 1}, not 0"):
        lease_id(0)
    with pytest.raises(ValueError, match=f"a lease id must be at most {(1 << 63) - 1}, not {1 << 63}"):
        lease_id(1 << 63)


def test_a_name_is_text():
    assert name("root", "a user's name") == "root"


@pytest.mark.parametrize("value", [b"secret", 5, None], ids=repr)
def test_a_name_of_another_type_is_an_error_that_does_not_show_it(value):
    with pytest.raises(TypeError, match=f"a password must be a str, not {type(value).__name__}") as caught:
        name(value, "a password")
    assert "secret" not in str(caught.value)


def test_an_empty_name_is_an_error():
    with pytest.raises(ValueError, match="a password must not be empty"):
        name("", "a password")


def test_a_part_of_a_key_is_a_name_without_a_slash():
    assert key_part("user-service", "a service's name") == "user-service"
    with pytest.raises(ValueError, match="a service's name must not contain '/': 'a/b'"):
        key_part("a/b", "a service's name")
    with pytest.raises(ValueError, match="a service's name must not be empty"):
        key_part("", "a service's name")


LONG = [1e10, 10**400, inf]


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (0.5, 0.5), *((one, FOREVER) for one in LONG)])
def test_a_timeout_is_bounded_by_what_clocks_can_hold(value, expected):
    assert seconds(value) == expected


@pytest.mark.parametrize("value", ["1", None, True, False, [1]], ids=repr)
def test_a_timeout_of_another_type_is_an_error(value):
    with pytest.raises(TypeError, match=f"^a timeout must be a number of seconds, not {type(value).__name__}$"):
        seconds(value)


@pytest.mark.parametrize("value", [-1, -0.001, nan, -inf])
def test_a_negative_timeout_is_an_error(value):
    with pytest.raises(ValueError, match=f"^a timeout must be 0 or more seconds, not {value}$"):
        seconds(value)


@pytest.mark.parametrize(("convert", "what"), [(to_bytes, "a key"), (to_value, "a value")])
def test_text_that_is_not_unicode_is_an_error_that_says_where(convert, what):
    with pytest.raises(ValueError, match=f"^{what} cannot be encoded as UTF-8: character 1 is half"):
        convert("a\ud800")
