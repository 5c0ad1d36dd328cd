"""Where instances are, and in which formats."""

from __future__ import annotations

import pytest

from etcd_factory import KeyValue
from etcd_factory.registry.formats import EtcdFactory, Format, Kitex, Midway, format_of
from etcd_factory.registry.instance import ServiceInstance
from etcd_factory.registry.layout import layouts, merged
from tests.support.golden import golden


class Raising(Format):
    """A format with a defect."""

    def encode(self, instance):
        return b""

    def decode(self, service, id, value):  # noqa: A002
        raise KeyError(value)


class Renaming(Raising):
    """A format that reads service and id from the value."""

    def decode(self, service, id, value):  # noqa: A002
        return ServiceInstance("other", "b")


def made(form="etcd_factory", namespace=None, read=()):
    return layouts(format_of(form), namespace, read)


def kv(value, key="services/user/a"):
    return KeyValue(key.encode(), value)


# --- prefixes


@pytest.mark.parametrize(
    ("form", "namespace", "prefix"),
    [
        ("etcd_factory", None, b"services/"),
        ("kratos", None, b"/microservices/"),
        ("naming", None, b""),
        ("etcd_factory", "deep/er/", b"deep/er/"),
        ("kitex", "hertz", b"hertz/"),
        ("kitex", "", b""),
        (Kitex(namespace="hertz"), None, b"hertz/"),
    ],
)
def test_the_prefix_is_that_of_the_format_unless_there_is_another(form, namespace, prefix):
    (layout,) = made(form, namespace)
    assert layout.prefix == prefix
    assert layout.below("user") == prefix + b"user/"


def test_what_is_read_has_its_own_prefixes():
    found = made("kratos", "own", ["naming", "kitex", "kratos"])
    assert [one.prefix for one in found] == [b"own/", b"", b"kitex/registry-etcd/"]


def test_a_format_that_is_written_is_not_read_twice():
    assert [len(one.formats) for one in made(read=["etcd_factory", EtcdFactory()])] == [1]


def test_formats_with_one_prefix_share_a_layout_and_the_one_that_reads_all_is_the_last():
    for form, read in (("etcd_factory", "midway"), ("midway", "etcd_factory")):
        (layout,) = made(form, read=[read])
        assert layout.formats == (Midway(), EtcdFactory())


def test_a_namespace_is_text():
    with pytest.raises(TypeError, match="a namespace must be a str, not int"):
        made(namespace=5)


# --- reading


def test_each_value_is_read_in_its_format():
    (layout,) = made(read=["midway"])
    midway = layout.decode(kv(golden("midway")["plain"][1]))
    own = layout.decode(kv(b'{"metadata": {}, "host": "h", "port": 80, "status": "paused"}'))
    assert (midway.address, midway.ttl) == ("10.0.0.1:8080", 30)
    assert (own.address, own.status) == ("h:80", "paused")


def test_what_is_in_no_format_is_logged_once_and_again_if_it_changes(caplog):
    (layout,) = made("kitex", "services")
    for value in (b"{", b"{", b'{"address": 5}', b"{"):
        assert layout.decode(kv(value)) is None
    assert [message.partition(" instance of a service: ")[0] for message in caplog.messages] == [
        "ignoring b'services/user/a', which is not an"
    ] * 2


def test_an_error_of_a_format_is_logged_with_its_type(caplog):
    (layout,) = made(Raising())
    assert layout.decode(kv(b"x")) is None
    assert "which is not an instance of a service: KeyError: b'x'" in caplog.text


def test_reading_alone_logs_nothing(caplog):
    (layout,) = made("go_zero")
    assert layout.read(KeyValue(b"user/7", b"x"))[0] is None
    assert caplog.messages == []


def test_service_and_id_are_those_of_the_key():
    (layout,) = made(Renaming())
    found = layout.decode(kv(b""))
    assert (found.service, found.id) == ("user", "a")


@pytest.mark.parametrize(("form", "found"), [("naming", "a/b"), ("kratos", None)])
def test_only_an_endpoint_of_go_may_have_an_id_of_several_parts(form, found, caplog):
    (layout,) = made(form, "services")
    instance = layout.decode(kv(golden(form)["plain"][1], "services/user/a/b"))
    assert (instance and instance.id) == found
    assert ("its key is not <service>/<id>" in caplog.text) is (found is None)


@pytest.mark.parametrize(
    ("key", "service"), [("a/b/user/1", b"user"), ("a/b/user/", b""), ("a/b/user", b""), ("a/b//1", b"")]
)
def test_the_service_of_a_key(key, service):
    (layout,) = made(namespace="a/b")
    assert layout.service(key.encode()) == service


# --- several lists


def one(name, **fields):
    return ServiceInstance("user", name, **fields)


def test_lists_are_merged_by_id_and_address_and_sorted():
    own = [one("c", host="h", port=1), one("a", status="paused")]
    other = [one("a"), one("b", host="h", port=2), one("h:1", host="h", port=1), one("d", host="h")]
    assert [(each.id, each.status) for each in merged([own, other])] == [
        ("a", "paused"),
        ("b", "up"),
        ("c", "up"),
        ("d", "up"),
    ]


def test_instances_of_one_list_may_have_the_same_address():
    same = [one("a", host="h", port=1), one("b", host="h", port=1), one("c"), one("d")]
    assert merged([same]) == same
