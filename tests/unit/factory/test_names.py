from __future__ import annotations

import pickle

import pytest

from etcd_factory.errors import ClientClosedError, EtcdFactoryError, InstanceNotFoundError
from tests.support.faces import closed, settle


@pytest.fixture
async def two(make):
    return await make({"clients": {"a": {"x": 1}, "b": {"x": 2}}})


@pytest.mark.anchor("midway-3")
async def test_each_configured_client_can_be_looked_up(two):
    assert (two.get("a").options, two.get("b").options) == ({"x": 1}, {"x": 2})
    assert two.get("a") is two.get("a")


async def test_a_factory_has_names_like_a_mapping(two):
    assert two.has("a")
    assert not two.has("c")
    assert "b" in two
    assert "c" not in two
    assert None not in two
    assert (len(two), list(two), two.names) == (2, ["a", "b"], ("a", "b"))


async def test_clients_are_a_read_only_mapping(two):
    assert dict(two.clients) == {"a": two.get("a"), "b": two.get("b")}
    with pytest.raises(TypeError):
        two.clients["c"] = None
    with pytest.raises((TypeError, AttributeError)):
        two.clients.clear()


async def test_names_are_in_the_order_of_creation(two):
    await settle(two.create_instance({}, "c"))
    await settle(two.remove("a"))
    await settle(two.create_instance({}, "a"))
    assert two.names == ("b", "c", "a")


async def test_a_factory_without_clients_is_empty(make):
    factory = await make()
    assert (len(factory), list(factory), dict(factory.clients)) == (0, [], {})


@pytest.mark.anchor("f7")
async def test_an_unknown_name_is_a_key_error_that_lists_the_names_and_suggests_one(make):
    factory = await make({"clients": {"instance1": {}, "other": {}}})
    with pytest.raises(InstanceNotFoundError) as caught:
        factory.get("instanse1")
    assert str(caught.value) == (
        "no etcd client named 'instanse1'; did you mean 'instance1'?; the clients are: instance1, other"
    )
    assert isinstance(caught.value, (KeyError, EtcdFactoryError))
    assert (caught.value.name, caught.value.known) == ("instanse1", ("instance1", "other"))


async def test_an_unknown_name_in_an_empty_factory_says_that_there_are_none(make):
    factory = await make()
    with pytest.raises(KeyError, match="no etcd client named 'a'; the clients are: none"):
        factory.get("a")


def test_the_error_for_an_unknown_name_can_be_pickled():
    error = InstanceNotFoundError("a", ("b",))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.name, again.known) == (str(error), "a", ("b",))


@pytest.mark.anchor("midway-4")
async def test_an_empty_client_is_the_default_one(make):
    factory = await make({"client": {}})
    assert factory.get() is factory.get("default")
    assert factory.default_client_name == "default"


@pytest.mark.anchor("f11")
async def test_the_default_is_first_the_configured_client(make):
    factory = await make({"client": {}, "clients": {"a": {}}, "defaultClientName": "a"})
    assert factory.default_client_name == "a"
    assert factory.get() is factory.get("a")


@pytest.mark.anchor("f11")
async def test_the_default_is_then_the_client_named_default(make):
    factory = await make({"clients": {"a": {}, "default": {}}})
    assert factory.default_client_name == "default"
    assert factory.get() is factory.get("default")


@pytest.mark.anchor("f11")
async def test_the_default_is_else_the_only_client(make):
    factory = await make({"clients": {"a": {}}})
    assert factory.default_client_name == "a"
    assert factory.get() is factory.get("a")


async def test_a_second_client_ends_the_default_of_an_only_one(make):
    factory = await make({"clients": {"a": {}}})
    await settle(factory.create_instance({}, "b"))
    assert factory.default_client_name is None
    with pytest.raises(InstanceNotFoundError):
        factory.get()


async def test_an_unnamed_client_is_never_the_default(make):
    factory = await make()
    await settle(factory.create_instance({}))
    with pytest.raises(InstanceNotFoundError):
        factory.get()


@pytest.mark.parametrize("config", [{}, {"clients": {"a": {}, "b": {}}}, {"defaultClientName": "abc"}], ids=str)
async def test_a_missing_default_client_is_an_error_that_says_so(make, config):
    factory = await make(config)
    with pytest.raises(InstanceNotFoundError, match="etcd default instance not found") as caught:
        factory.get()
    assert isinstance(caught.value, KeyError)
    assert ", ".join(factory.names) in str(caught.value)


async def test_an_unknown_default_name_is_an_error_that_suggests_the_nearest(make):
    factory = await make({"clients": {"instance1": {}}, "default_client_name": "instanse1"})
    with pytest.raises(InstanceNotFoundError, match="etcd default instance not found") as caught:
        factory.get()
    assert "'instanse1'" in str(caught.value)
    assert "did you mean 'instance1'" in str(caught.value)


@pytest.mark.anchor("midway-5")
async def test_the_configured_default_name_is_known_without_any_client(make):
    assert (await make({"defaultClientName": "abc", "clients": {}})).default_client_name == "abc"


async def test_a_default_made_at_run_time_is_the_default(make):
    factory = await make({"default_client_name": "abc"})
    made = await settle(factory.create_instance({}, "abc"))
    assert factory.get() is made


@pytest.mark.anchor("midway-6", "f9")
@pytest.mark.parametrize("key", ["priority", "clientPriority", "client_priority"])
async def test_priorities_are_accepted_under_each_of_their_names(make, key):
    factory = await make({key: {"a": "high", "b": "medium", "c": "low"}})
    assert [factory.priority(name) for name in "abcd"] == ["high", "medium", "low", "medium"]


@pytest.mark.anchor("midway-6")
async def test_each_priority_has_its_predicate(make):
    factory = await make({"priority": {"a": "high", "b": "medium", "c": "low"}})
    assert [factory.is_high_priority(name) for name in "abcd"] == [True, False, False, False]
    assert [factory.is_medium_priority(name) for name in "abcd"] == [False, True, False, True]
    assert [factory.is_low_priority(name) for name in "abcd"] == [False, False, True, False]


@pytest.mark.anchor("f9")
def test_priorities_are_known_before_any_client_is_made(face):
    assert face.factory({"priority": {"a": "low"}}).is_low_priority("a")


async def test_the_repr_of_a_factory_shows_its_names_and_that_it_is_closed(two):
    assert "a, b" in repr(two)
    await closed(two)
    assert "closed" in repr(two)


async def test_a_closed_factory_has_no_names(two):
    await closed(two)
    assert (len(two), two.has("a"), two.names) == (0, False, ())
    with pytest.raises(ClientClosedError):
        two.get("a")
