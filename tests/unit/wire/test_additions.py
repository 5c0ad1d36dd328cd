"""What etcd's protocol has gained since python-etcd3's descriptors were made is in the hosted messages."""

import pytest

from etcd_factory.wire import additions, messages, methods

ROWS = [(name, *row) for name, rows in additions.FIELDS.items() for row in rows]
SAMPLES = {"bool": True, "int32": -7, "int64": -7, "uint64": 7, "string": "text", "bytes": b"\xff"}


def sample(kind):
    """A value for a field of that kind."""
    name = kind.lstrip("*").partition(" ")[0]
    value = SAMPLES[name] if name in SAMPLES else getattr(messages, name)()
    return [value, value] if kind.startswith("*") else value


@pytest.mark.parametrize(("message", "field", "number", "kind"), ROWS, ids=[f"{row[0]}.{row[1]}" for row in ROWS])
def test_an_added_field_is_sent_and_received(message, field, number, kind):
    cls = getattr(messages, message)
    sent = cls(**{field: sample(kind)})
    assert cls.DESCRIPTOR.fields_by_number[number].name == field
    assert sent.SerializeToString()
    assert cls.FromString(sent.SerializeToString()) == sent


@pytest.mark.parametrize("name", additions.MESSAGES)
def test_an_added_message_is_there(name):
    assert getattr(messages, name)().SerializeToString() == b""


@pytest.mark.parametrize(("service", "name", "request_name", "reply_name"), additions.METHODS)
def test_an_added_method_is_there(service, name, request_name, reply_name):
    request, reply = methods.Method(service, name).types
    assert (request.DESCRIPTOR.name, reply.DESCRIPTOR.name) == (request_name, reply_name.lstrip("*"))


def test_a_request_for_progress_is_one_of_the_requests_of_a_watch():
    request = messages.WatchRequest(progress_request={})
    assert request.WhichOneof("request_union") == "progress_request"
