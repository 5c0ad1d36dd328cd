"""The base of all formats."""

from __future__ import annotations

import os
import socket

from etcd_factory.registry.formats import Format
from etcd_factory.registry.formats.base import unique_id
from etcd_factory.registry.instance import ServiceInstance


class Plain(Format):
    """What a user writes at least."""

    def encode(self, instance):
        return instance.id.encode()

    def decode(self, service, id, value):  # noqa: A002
        return ServiceInstance(service, id)


class Alike:
    """A format by its members alone."""

    namespace, ttl, deep = "x", 5, False
    encode = decode = id_of = repr


def test_the_defaults_are_those_of_the_package():
    assert (Plain().namespace, Plain().ttl, Plain().deep) == ("services", 10, False)


def test_an_instance_keeps_its_id_and_gets_a_unique_one_without():
    assert Plain().id_of(ServiceInstance("user", "a")) == "a"
    assert len({Plain().id_of(ServiceInstance("user", "")) for _ in range(3)}) == 3


def test_an_object_with_all_its_members_is_a_format():
    assert isinstance(Alike(), Format)
    assert not isinstance(object(), Format)


def test_an_id_names_the_host_and_the_process(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "a/b")
    assert unique_id().startswith(f"a-b-{os.getpid()}-")
