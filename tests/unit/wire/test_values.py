"""From etcd's messages to values, with the namespace cut off every key: with a GIL and without."""

import copy
import pickle

import attrs
import pytest

from etcd_factory.model import Event, KeyValue
from etcd_factory.wire import messages, values

SKIP = len(b"ns/")
KV = messages.KeyValue(key=b"ns/k", value=b"v", create_revision=2, mod_revision=3, version=2, lease=7)
VALUE = KeyValue(b"k", b"v", 2, 3, 2, 7)
FIELDS = {
    "put": ({"kv": KV}, Event("put", VALUE, 3)),
    "delete": ({"type": 1, "kv": KV}, Event("delete", VALUE, 3)),
    "with the previous one": ({"kv": KV, "prev_kv": KV}, Event("put", VALUE, 3, VALUE)),
    "with an empty previous one": ({"kv": KV, "prev_kv": {}}, Event("put", VALUE, 3, KeyValue(b""))),
}
KEY_VALUES = {"with a GIL": values.filled, "without": values.constructed}
READERS = {"with a GIL": values.filling, "without": values.constructing}


@pytest.fixture(params=KEY_VALUES)
def key_value(request):
    """Make a KeyValue."""
    return KEY_VALUES[request.param]


@pytest.fixture(params=READERS)
def event_reader(request):
    """Make a reader of events."""
    return READERS[request.param]


def test_a_key_has_no_namespace(key_value):
    assert key_value(KV, SKIP) == VALUE
    assert key_value(KV, 0) == KeyValue(b"ns/k", b"v", 2, 3, 2, 7)


def test_several_are_a_list_in_their_order():
    assert values.key_values([KV, messages.KeyValue(key=b"ns/a")], SKIP) == [VALUE, KeyValue(b"a")]


@pytest.mark.parametrize("name", FIELDS)
def test_an_event_is_a_value(event_reader, name):
    fields, expected = FIELDS[name]
    assert event_reader(SKIP)(messages.Event(**fields)) == expected


def test_the_previous_one_is_not_looked_for_where_there_is_none(event_reader):
    found = messages.Event(kv=KV, prev_kv=KV)
    assert event_reader(SKIP, previous=False)(found) == Event("put", VALUE, 3)


def test_what_is_made_is_like_what_is_constructed(key_value, event_reader):
    for made, expected in ((key_value(KV, SKIP), VALUE), (event_reader(SKIP)(messages.Event(kv=KV)), FIELDS["put"][1])):
        assert type(made) is type(expected)
        assert (repr(made), hash(made), attrs.asdict(made)) == (repr(expected), hash(expected), attrs.asdict(expected))
        assert pickle.loads(pickle.dumps(made)) == copy.copy(made) == copy.deepcopy(made) == expected


def test_what_is_made_cannot_be_changed(key_value, event_reader):
    for made in (key_value(KV, SKIP), event_reader(SKIP)(messages.Event(kv=KV))):
        for field in attrs.fields(type(made)):
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                setattr(made, field.name, None)


def test_a_program_with_a_gil_fills_and_another_constructs():
    made = (values.filled, values.filling) if values.HAS_GIL else (values.constructed, values.constructing)
    assert (values.key_value, values.event_reader) == made
