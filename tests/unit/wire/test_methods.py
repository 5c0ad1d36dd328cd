"""etcd's RPCs as values."""

import pytest
from google.protobuf.descriptor_pb2 import ServiceDescriptorProto

from etcd_factory.errors import Code, InternalError
from etcd_factory.wire import descriptors, messages, methods

METHODS = [value for value in vars(methods).values() if isinstance(value, methods.Method)]
# client/v3/retry.go: what may be repeated though the connection broke after it was sent
REPEATABLE = {
    "Range",
    "LeaseGrant",
    "LeaseRevoke",
    "LeaseKeepAlive",
    "LeaseTimeToLive",
    "LeaseLeases",
    "MemberList",
    "Alarm",
    "Status",
    "Hash",
    "HashKV",
    "Snapshot",
    "MoveLeader",
    "UserGet",
    "UserList",
    "RoleGet",
    "RoleList",
}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_a_method_has_a_path_and_its_message_classes(method):
    request, reply = method.types
    assert method.path == f"/etcdserverpb.{method.service}/{method.name}"
    assert request.DESCRIPTOR.name.endswith("Request")
    assert reply.DESCRIPTOR.name.endswith("Response")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_messages_are_written_and_read_as_bytes(method):
    assert method.serialize(method.request()) == b""
    assert method.parse(b"") == method.types[1]()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_a_method_says_which_sides_stream_as_the_protocol_does(method):
    """One renewal and its response on a stream are on the wire the same as a unary call."""
    proto = ServiceDescriptorProto()
    descriptors.files()["rpc"].services_by_name[method.service].CopyToProto(proto)
    (found,) = [one for one in proto.method if one.name == method.name]
    expected = (found.client_streaming, found.server_streaming)
    if method is methods.LEASE_KEEP_ALIVE_ONCE:
        expected = (False, False)
    assert (method.streams_requests, method.streams_responses) == expected


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.path)
def test_what_may_be_repeated_is_what_go_repeats(method):
    expected = method.name in REPEATABLE or method in (methods.READ_TXN, methods.RANGE_STREAM)
    if method.name in ("LeaseKeepAlive", "Watch") and method.streams_requests:
        expected = False  # streams are reconnected, not repeated
    assert method.repeatable is expected


def test_every_method_of_the_services_that_clients_use_is_there():
    known = {(method.service, method.name) for method in METHODS}
    services = descriptors.files()["rpc"].services_by_name
    offered = {(service, name) for service in services for name in services[service].methods_by_name}
    assert offered - known == set()


def test_a_request_is_created_from_its_fields():
    assert methods.PUT.request(key=b"k", value=b"v") == messages.PutRequest(key=b"k", value=b"v")


def test_a_method_is_a_frozen_value():
    with pytest.raises(AttributeError):
        methods.PUT.repeatable = True


MALFORMED = {"nothing": (None, "no message"), "half a message": (b"\x0a\xff", "a malformed message of 2 bytes")}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_response_is_an_error_of_ours_with_the_endpoint(name):
    data, text = MALFORMED[name]
    with pytest.raises(InternalError, match=f"the server sent {text} in response") as caught:
        methods.RANGE.decode(data, "http://a:1")
    assert (caught.value.endpoint, caught.value.code) == ("a:1", Code.INTERNAL)


def test_a_response_is_decoded():
    reply = messages.RangeResponse(count=3)
    assert methods.RANGE.decode(reply.SerializeToString(), "http://a:1") == reply


@pytest.mark.parametrize("name", ["LEASE_GRANT", "LEASE_REVOKE", "ALARM", "MOVE_LEADER", "PUT", "TXN", "COMPACT"])
def test_what_changes_something_is_known_whether_it_may_be_repeated_or_not(name):
    assert getattr(methods, name).writes


@pytest.mark.parametrize(
    "name", ["RANGE", "READ_TXN", "LEASE_KEEP_ALIVE_ONCE", "WATCH", "AUTHENTICATE", "STATUS", "RANGE_STREAM"]
)
def test_what_changes_nothing_is_known(name):
    assert not getattr(methods, name).writes
