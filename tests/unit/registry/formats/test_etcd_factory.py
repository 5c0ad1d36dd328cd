"""The format of this package: valid fields are restored, invalid ones reported and ignored."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory import KeyValue
from etcd_factory.registry.formats import EtcdFactory
from etcd_factory.registry.instance import STATUSES, ServiceInstance, checked
from etcd_factory.registry.layout import layouts
from tests.support.registering import WRONG

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
INSTANCES = st.builds(
    ServiceInstance,
    NAMES,
    NAMES,
    host=st.none() | TEXTS,
    port=st.none() | st.integers(0, 65535),
    metadata=st.dictionaries(TEXTS, JSON, max_size=3),
    weight=st.integers(0, 2**53) | st.floats(0, 1e6),
    tags=st.lists(TEXTS, max_size=3),
    status=st.sampled_from(STATUSES),
    started=st.floats(0, 2e9),
    ttl=st.integers(0, 10**8),
)


def stored(value, key="services/user/a"):
    """A key as etcd has it."""
    return KeyValue(key.encode() if isinstance(key, str) else key, value.encode() if isinstance(value, str) else value)


def read(value, key="services/user/a"):
    (layout,) = layouts(EtcdFactory(), None, ())
    return layout.decode(stored(value, key))


# --- to etcd and back


@PATIENT
@given(INSTANCES)
def test_an_instance_is_restored_as_it_was_written(instance):
    assert read(EtcdFactory().encode(checked(instance)), f"services/{instance.service}/{instance.id}") == instance


@pytest.mark.anchor("registry-d18")
def test_the_json_has_every_field():
    """Midway's types have neither host nor port, and its metadata has two names."""
    one = ServiceInstance("user", "a", "10.0.0.1", 80, {"zone": "x"}, 2, ["web"], started=1.5, ttl=10)
    assert json.loads(EtcdFactory().encode(one)) == {
        "service": "user",
        "id": "a",
        "host": "10.0.0.1",
        "port": 80,
        "metadata": {"zone": "x"},
        "weight": 2,
        "tags": ["web"],
        "status": "up",
        "started": 1.5,
        "ttl": 10,
    }


def test_service_and_id_are_read_from_the_key():
    one = read('{"service": "other", "id": "x", "metadata": {}}')
    assert (one.service, one.id) == ("user", "a")


def test_a_json_object_of_another_program_is_metadata():
    one = read('{"Addr": "10.0.0.1:80", "weight": "heavy"}')
    assert one == ServiceInstance("user", "a", metadata={"Addr": "10.0.0.1:80", "weight": "heavy"})


CASES = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda value: str(value)[:8])
def test_an_invalid_field_is_ignored_with_a_warning(name, value, caplog):
    assert read(json.dumps({"metadata": {}, name: value})) == ServiceInstance("user", "a")
    assert f"ignoring the invalid {name} of user/a" in caplog.text


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "-Infinity"])
def test_a_weight_that_is_not_a_finite_number_is_ignored(value):
    assert read(f'{{"metadata": {{}}, "weight": {value}}}').weight == 1


INVALID = {
    "no JSON": ("up", "services/user/a"),
    "nothing": ("", "services/user/a"),
    "a list": ("[]", "services/user/a"),
    "a number": ("5", "services/user/a"),
    "too deep": ("[" * 100_000, "services/user/a"),
    "no text": (b"\xff", "services/user/a"),
    "no id": ("{}", "services/user/"),
    "no slash": ("{}", "services/user"),
    "no service": ("{}", "services//a"),
    "deeper": ("{}", "services/user/a/b"),
}


@pytest.mark.parametrize("case", INVALID)
@pytest.mark.anchor("registry-d11")
def test_what_is_not_an_instance_is_ignored_with_a_warning(case, caplog):
    """Midway drops it silently."""
    assert read(*INVALID[case]) is None
    assert "which is not an instance of a service" in caplog.text


def test_a_key_that_is_not_utf_8_is_ignored(caplog):
    assert read(b"{}", b"services/user/\xff") is None
    assert "which is not an instance of a service" in caplog.text


@PATIENT
@given(st.binary(max_size=20), st.binary(max_size=20))
def test_no_bytes_raise_an_error(key, value):
    found = read(value, b"services/" + key)
    assert found is None or isinstance(found, ServiceInstance)


@PATIENT
@given(st.dictionaries(st.sampled_from([*WRONG]), JSON))
def test_whatever_the_json_has_the_instance_is_valid(given):
    found = read(json.dumps({"metadata": {}, **given}))
    assert checked(found) == found


@pytest.mark.parametrize("value", [float("nan"), {1}, b"x", object()], ids=["nan", "set", "bytes", "object"])
def test_metadata_that_cannot_be_written_as_json_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        EtcdFactory().encode(ServiceInstance("user", "a", metadata={"key": value}))


def test_the_same_warning_is_logged_once(caplog):
    form = EtcdFactory()
    for _ in range(3):
        form.decode("user", "a", b'{"metadata": {}, "port": -1}')
    assert len(caplog.records) == 1


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_is_stored(status):
    one = ServiceInstance("user", "a", status=status)
    assert EtcdFactory().decode("user", "a", EtcdFactory().encode(one)) == one
