"""etcd's message classes, and their types as type checkers see them."""

import pytest

from etcd_factory.wire import messages
from tests.support import message_stubs


def test_the_stub_file_is_what_the_descriptors_say():
    """If not, run ``python -m tests.support.message_stubs``."""
    assert message_stubs.PATH.read_text() == message_stubs.generated()


def test_each_message_has_one_class():
    assert messages.KeyValue is messages.KeyValue
    assert type(messages.RangeResponse(kvs=[{}]).kvs[0]) is messages.KeyValue


def test_an_unknown_message_is_an_attribute_error():
    with pytest.raises(AttributeError, match="etcd has no message 'RangRequest'"):
        _ = messages.RangRequest


@pytest.mark.parametrize("name", ["KeyValue", "Event", "Permission", "User", "WatchRequest"])
def test_a_message_of_each_file_is_found(name):
    assert getattr(messages, name).DESCRIPTOR.name == name


def test_a_private_name_loads_nothing():
    with pytest.raises(AttributeError):
        _ = messages._private
