from __future__ import annotations

import asyncio
import logging

import pytest

from etcd_factory import AsyncServiceFactory, FactoryOptions, ServiceFactory
from etcd_factory.errors import ClientClosedError, EtcdFactoryError
from tests.support.boxes import THREE, AsyncBoxes, Boxes, PlainBoxes, error_of, failing


class Missing(Boxes):
    def create_client(self, options, name):
        return None


class AsyncMissing(AsyncBoxes):
    async def create_client(self, options, name):
        return None


@pytest.mark.anchor("f5")
@pytest.mark.parametrize("kind", [Missing, AsyncMissing])
async def test_a_client_that_is_none_is_an_error(kind, opened):
    factory = await opened(kind())
    error = await error_of(lambda: factory.create_instance({}, "a"))
    assert type(error) is EtcdFactoryError
    assert str(error) == "create_client returned None for 'a'; it must return a client"
    assert not factory.has("a")


@pytest.mark.anchor("f5")
@pytest.mark.parametrize("kind", [Missing, AsyncMissing])
async def test_a_configured_client_that_is_none_is_an_error(kind, opened):
    with pytest.raises(EtcdFactoryError, match="'default'"):
        await opened(kind({"client": {}}))


@pytest.mark.parametrize("falsy", [0, "", [], False])
async def test_a_client_may_be_falsy(falsy, opened):
    class Falsy(Boxes):
        def create_client(self, options, name):
            return falsy

        def destroy_client(self, client, name):
            assert client is falsy

    factory = await opened(Falsy({"client": {}}))
    assert factory.get() is falsy


@pytest.mark.parametrize("base", [ServiceFactory, AsyncServiceFactory])
def test_a_subclass_must_define_how_clients_are_made_and_closed(base):
    with pytest.raises(TypeError, match="abstract"):
        base()


async def test_a_subclass_may_read_options_into_another_type(opened):
    class Reading(Boxes):
        def read_options(self, options):
            return tuple(options)

    factory = await opened(Reading(FactoryOptions(clients={"a": {"x": 1}}, default={"y": 1})))
    assert set(factory.get("a").options) == {"x", "y"}


async def test_async_clients_are_made_when_the_factory_is_entered():
    factory = AsyncBoxes(THREE)
    assert (factory.made, len(factory)) == ([], 0)
    with pytest.raises(ClientClosedError, match="entered"):
        factory.get("a")
    async with factory as entered:
        assert entered is factory
        assert factory.names == ("a", "b", "c")


async def test_a_factory_that_was_not_entered_says_how_to_enter_it():
    with pytest.raises(ClientClosedError, match="async with"):
        AsyncBoxes(THREE).get("a")


async def test_entering_twice_makes_the_clients_once():
    factory = AsyncBoxes(THREE)
    async with factory, factory:
        assert len(factory.made) == 3


async def test_an_asyncio_factory_is_closed_if_its_clients_cannot_be_made():
    factory = AsyncBoxes(THREE, on_create=failing("b"))
    with pytest.raises(RuntimeError, match="no b"):
        await factory.__aenter__()
    assert factory.names == ()
    with pytest.raises(ClientClosedError):
        await factory.create_instance({}, "z")


class Promising(AsyncBoxes):
    """Its method is not async but returns an awaitable, as the type allows."""

    def create_client(self, options, name):
        return asyncio.ensure_future(asyncio.sleep(0, self.begin(options, name)))


async def test_a_method_that_is_not_async_may_return_an_awaitable(opened):
    factory = await opened(Promising())
    assert await factory.create_instance({}, "a") is factory.get("a")


async def test_configured_clients_may_be_awaitables_of_a_method_that_is_not_async(opened):
    factory = await opened(Promising({"clients": {"a": {}}}))
    assert factory.get("a") is factory.made[0]


def test_leaving_a_with_block_closes_the_clients():
    with Boxes(THREE) as factory:
        assert factory.get("a") in factory.made
    assert len(factory.ended) == 3


async def test_leaving_an_async_with_block_closes_the_clients():
    async with AsyncBoxes(THREE) as factory:
        assert factory.get("a") in factory.made
    assert len(factory.ended) == 3


def test_the_error_in_a_with_block_is_not_lost():
    with pytest.raises(ZeroDivisionError), Boxes(THREE):
        raise ZeroDivisionError


def test_plain_clients_made_before_one_that_fails_are_closed_without_a_loop():
    ended = []
    with pytest.raises(RuntimeError, match="no c"):
        Plain(THREE, on_create=failing("c"), on_destroy=ended.append)
    assert [box.name for box in ended] == ["b", "a"]


def test_a_failure_to_close_an_unused_client_is_logged_and_hides_no_error(caplog):
    caplog.set_level(logging.ERROR)
    with pytest.raises(RuntimeError, match="no c"):
        Plain(THREE, on_create=failing("c"), on_destroy=failing("b"))
    assert "closing the unused client 'b' failed" in caplog.text
    assert "closing the unused client 'a' failed" not in caplog.text


class Plain(PlainBoxes):
    """Plain methods, except that closing is async as far as Python can tell."""

    async def destroy_client(self, client, name):
        Boxes.destroy_client(self, client, name)
