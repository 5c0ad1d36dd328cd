"""Making, replacing and removing clients. Concurrent calls and closing have files of their own."""

from __future__ import annotations

import copy
import logging

import pytest

from etcd_factory.errors import ClientClosedError, InstanceExistsError, InstanceNotFoundError
from tests.support.boxes import THREE, Box, error_of, failing
from tests.support.faces import closed, settle

# --- making and replacing


@pytest.mark.anchor("midway-7")
async def test_configured_clients_are_made_in_their_order(make):
    factory = await make({"clients": {"b": {}, "a": {}}, "client": {}})
    assert [box.name for box in factory.made] == ["b", "a", "default"]


@pytest.mark.anchor("midway-1", "f6")
async def test_a_client_without_a_name_is_not_stored_but_closed_with_the_factory(make):
    factory = await make()
    box = await settle(factory.create_instance({"x": 1}))
    assert (box.name, box.options, len(factory)) == (None, {"x": 1}, 0)
    with pytest.raises(InstanceNotFoundError):
        factory.get("fff")
    await closed(factory)
    assert factory.ended == [box]


async def test_clients_without_a_name_are_different(make):
    factory = await make()
    assert await settle(factory.create_instance({})) is not await settle(factory.create_instance({}))


@pytest.mark.anchor("midway-2")
async def test_a_client_with_a_name_can_be_looked_up(make):
    factory = await make()
    box = await settle(factory.create_instance({}, "a"))
    assert factory.has("a")
    assert factory.get("a") is box


async def test_without_options_a_client_has_those_of_default(make):
    factory = await make({"default": {"x": 1}})
    assert (await settle(factory.create_instance(None, "a"))).options == {"x": 1}


async def test_default_is_merged_under_configured_and_later_clients(make):
    shared = {"x": 1, "deep": {"a": 1, "b": 1}, "list": [1, 2]}
    factory = await make({"default": shared, "clients": {"a": {"deep": {"b": 2}, "list": [3]}}})
    later = await settle(factory.create_instance({"deep": {"a": 5}, "x": None}))
    assert factory.get("a").options == {"x": 1, "deep": {"a": 1, "b": 2}, "list": [3]}
    assert later.options == {"x": None, "deep": {"a": 5, "b": 1}, "list": [1, 2]}


@pytest.mark.anchor("f8")
async def test_no_input_is_changed(make):
    config = {"default": {"d": {"x": 1}}, "client": {"l": [1]}, "clients": {"default": {"y": 1}, "a": {}}}
    options, before = {"d": {"z": 1}}, copy.deepcopy(config)
    factory = await make(config)
    await settle(factory.create_instance(options, "b"))
    assert (config, options) == (before, {"d": {"z": 1}})


@pytest.mark.anchor("f8")
async def test_a_client_that_changes_its_options_affects_no_other(make):
    config = {"default": {"list": [1], "deep": {"x": 1}}, "clients": {"a": {}, "b": {}}}
    factory = await make(config)
    factory.get("a").options["list"].append(2)
    factory.get("a").options["deep"]["x"] = 2
    assert factory.get("b").options == {"list": [1], "deep": {"x": 1}}
    assert config["default"] == {"list": [1], "deep": {"x": 1}}


@pytest.mark.anchor("f1")
async def test_the_same_name_with_equal_options_returns_the_same_client(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    assert await settle(factory.create_instance({"x": 1}, "a")) is factory.get("a")
    assert len(factory.made) == 1


async def test_options_are_compared_with_default_merged_under_them(make):
    factory = await make({"default": {"x": 1}, "clients": {"a": {"y": 2}}})
    assert await settle(factory.create_instance({"y": 2, "x": 1}, "a")) is factory.get("a")


@pytest.mark.anchor("f1")
async def test_the_same_name_with_other_options_is_an_error_that_says_what_to_do(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    error = await error_of(lambda: factory.create_instance({"x": 2}, "a"))
    assert type(error) is InstanceExistsError
    assert str(error) == (
        "an etcd client named 'a' exists with other options; "
        "pass on_exists='return' to use it or on_exists='replace' to replace it"
    )
    assert (len(factory.made), factory.ended, factory.get("a").options) == (1, [], {"x": 1})


async def test_on_exists_return_returns_the_existing_client(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    assert await settle(factory.create_instance({"x": 2}, "a", on_exists="return")) is factory.get("a")
    assert (len(factory.made), factory.ended) == (1, [])


async def test_on_exists_replace_stores_the_new_client_and_then_closes_the_old_one(make):
    seen = []
    factory = await make({"clients": {"a": {"x": 1}, "b": {}}}, on_destroy=lambda box: seen.append(factory.get("a")))
    old = factory.get("a")
    new = await settle(factory.create_instance({"x": 2}, "a", on_exists="replace"))
    assert (factory.ended, seen) == ([old], [new])
    assert (factory.get("a"), new.options) == (new, {"x": 2})


@pytest.mark.anchor("f10")
async def test_the_default_client_is_the_new_one_after_a_replacement(make):
    factory = await make({"client": {"x": 1}})
    new = await settle(factory.create_instance({"x": 2}, "default", on_exists="replace"))
    assert factory.get() is new


async def test_replace_with_equal_options_keeps_the_client(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    assert await settle(factory.create_instance({"x": 1}, "a", on_exists="replace")) is factory.get("a")
    assert (len(factory.made), factory.ended) == (1, [])


@pytest.mark.parametrize("on_exists", ["return", "replace"])
async def test_on_exists_makes_a_missing_client(make, on_exists):
    factory = await make()
    assert await settle(factory.create_instance({}, "a", on_exists=on_exists)) is factory.get("a")


async def test_the_old_client_is_kept_if_its_replacement_fails(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    factory.on_create, old = failing("a"), factory.get("a")
    error = await error_of(lambda: factory.create_instance({"x": 2}, "a", on_exists="replace"))
    assert str(error) == "no a"
    assert (factory.get("a"), factory.ended) == (old, [])


async def test_a_replacement_is_kept_and_a_failure_to_close_the_old_client_is_logged(make, caplog):
    factory = await make({"clients": {"a": {"x": 1}}}, on_destroy=failing("a"))
    new = await settle(factory.create_instance({"x": 2}, "a", on_exists="replace"))
    assert factory.get("a") is new
    assert "'a' was replaced, but closing the old one failed" in caplog.text
    factory.on_destroy = failing()


@pytest.mark.parametrize(
    ("on_exists", "hint"),
    [("ignore", ""), ("", ""), (None, ""), ("Error", "; did you mean 'error'?")],
)
async def test_an_unknown_on_exists_is_a_value_error_that_lists_the_known_ones(make, on_exists, hint):
    factory = await make()
    error = await error_of(lambda: factory.create_instance({}, "a", on_exists=on_exists))
    assert isinstance(error, ValueError)
    assert str(error) == f"on_exists: expected one of error, return, replace, got {on_exists!r}{hint}"
    assert factory.made == []


async def test_a_failure_leaves_nothing_behind_and_a_later_attempt_works(make):
    factory = await make(on_create=failing("a", None))
    assert str(await error_of(lambda: factory.create_instance({}, "a"))) == "no a"
    assert str(await error_of(lambda: factory.create_instance({}))) == "no None"
    assert (len(factory), factory.has("a")) == (0, False)
    factory.on_create = failing()
    assert await settle(factory.create_instance({}, "a")) is factory.get("a")
    await closed(factory)
    assert [box.name for box in factory.ended] == ["a"]


# --- configured clients


@pytest.mark.anchor("midway-9", "f2")
async def test_if_a_configured_client_fails_those_before_it_are_closed(face, opened):
    ended = []
    with pytest.raises(RuntimeError, match="no c"):
        await opened(face.factory(THREE, on_create=failing("c"), on_destroy=ended.append))
    assert [box.name for box in ended] == ["b", "a"]


@pytest.mark.anchor("f2")
async def test_the_error_is_that_of_the_client_even_if_closing_another_fails(face, opened):
    with pytest.raises(RuntimeError, match="no b"):
        await opened(face.factory(THREE, on_create=failing("b"), on_destroy=failing("a")))


# --- removing


@pytest.mark.anchor("f1")
async def test_a_removed_client_is_closed_and_forgotten(make):
    factory = await make(THREE)
    box = factory.get("b")
    assert await settle(factory.remove("b")) is None
    assert (factory.ended, factory.names) == ([box], ("a", "c"))
    await closed(factory)
    assert [box.name for box in factory.ended] == ["b", "c", "a"]


async def test_a_removed_name_may_be_made_again(make):
    factory = await make({"clients": {"a": {"x": 1}}})
    await settle(factory.remove("a"))
    assert (await settle(factory.create_instance({"x": 2}, "a"))).options == {"x": 2}


async def test_removing_an_unknown_name_is_a_key_error_that_suggests_the_nearest(make):
    factory = await make({"clients": {"instance1": {}}})
    error = await error_of(lambda: factory.remove("instanse1"))
    assert isinstance(error, KeyError)
    assert "did you mean 'instance1'?" in str(error)
    assert factory.names == ("instance1",)


async def test_a_removed_client_that_fails_to_close_is_forgotten_too(make):
    factory = await make(THREE, on_destroy=failing("a"))
    assert str(await error_of(lambda: factory.remove("a"))) == "no a"
    assert factory.names == ("b", "c")


# --- secrets


@pytest.mark.anchor("f13")
async def test_no_option_of_a_client_is_logged(make, caplog):
    caplog.set_level(logging.DEBUG)
    factory = await make({"client": {"password": "hunter2"}}, on_destroy=failing("default"))
    await settle(factory.create_instance({"password": "hunter2", "x": 1}, "default", on_exists="replace"))
    assert "made the etcd client 'default'" in caplog.text
    assert "hunter2" not in caplog.text + repr(factory)
    factory.on_destroy = failing()


# --- adding


async def test_a_client_made_elsewhere_is_kept_under_its_name_and_closed_with_the_others(make):
    factory = await make({"clients": {"a": {}}})
    box = Box({}, "mine")
    await settle(factory.add("mine", box))
    assert (factory.get("mine"), factory.names) == (box, ("a", "mine"))
    await closed(factory)
    assert factory.ended[0] is box


async def test_a_client_that_was_added_can_be_removed_or_replaced(make):
    factory = await make()
    box = Box({}, "mine")
    await settle(factory.add("mine", box))
    assert await settle(factory.add("mine", box)) is None
    assert isinstance(await error_of(lambda: factory.create_instance({}, "mine")), InstanceExistsError)
    await settle(factory.create_instance({}, "mine", on_exists="replace"))
    assert factory.ended == [box]


async def test_a_name_that_is_taken_is_not_given_to_another_client(make):
    factory = await make({"clients": {"a": {}}})
    error = await error_of(lambda: factory.add("a", Box({}, "a")))
    assert type(error) is InstanceExistsError
    assert str(error) == (
        "an etcd client named 'a' exists with other options; "
        "add this client under another name, or remove the other one first"
    )
    assert factory.get("a") is factory.made[0]


async def test_none_is_not_added_nor_anything_to_a_closed_factory(make):
    factory = await make()
    assert str(await error_of(lambda: factory.add("a", None))) == "add() needs a client, not None"
    assert isinstance(await error_of(lambda: factory.add("", Box({}, ""))), ValueError)
    await closed(factory)
    assert isinstance(await error_of(lambda: factory.add("a", Box({}, "a"))), ClientClosedError)
