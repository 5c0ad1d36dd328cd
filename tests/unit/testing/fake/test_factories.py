"""Factories whose clients are all on one fake."""

import pytest

from etcd_factory import AsyncETCDService, ETCDService
from etcd_factory.testing import FakeEtcd

CONFIG = {"clients": {"one": {"hosts": ["a:1"]}, "two": {"hosts": ["b:1"], "namespace": "n/"}}}


class Own(ETCDService):
    """A user's own class."""


class AsyncOwn(AsyncETCDService):
    """A user's own class."""


@pytest.fixture
def fake():
    return FakeEtcd()


def test_clients_that_are_configured_or_made_later_are_on_the_fake(fake):
    with fake.factory(CONFIG) as factory:
        factory.get("one").put("n/k").value("v")
        assert factory.get("two").get("k").string() == "v"
        assert factory.create_instance({"hosts": ["c:1"]}, "three").get("n/k").string() == "v"
        assert factory.get("two").options.hosts == ("http://b:1",)


async def test_those_of_asyncio_too(fake):
    async with fake.afactory(CONFIG) as factory:
        await factory.get("one").put("n/k").value("v")
        assert await factory.get("two").get("k").string() == "v"


async def test_a_client_class_is_kept(fake):
    with fake.factory({"client": {"hosts": ["a:1"], "client_class": Own}}) as factory:
        assert type(factory.get()) is Own
        assert factory.get().put("k").value("v").revision == 2
    async with fake.afactory({"client": {"hosts": ["a:1"], "client_class": AsyncOwn}}) as factory:
        assert type(factory.get()) is AsyncOwn
        assert await factory.get().get("k").string() == "v"
