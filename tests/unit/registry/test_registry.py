"""The registry's calls: what they check, what they ask etcd for, and what they return."""

from __future__ import annotations

import json
from functools import partial

import pytest

from etcd_factory.registry import ServiceInstance
from etcd_factory.registry.formats import format_of
from etcd_factory.testing import ScriptedTransport, replies
from tests.support.faces import FACES, closed, settle
from tests.support.golden import AT, TTLS
from tests.support.golden import NAMES as NAMES_OF_FORMATS
from tests.support.registering import ids, script
from tests.support.transports import Recorded

NAMES = [("", ValueError, "must not be empty"), ("a/b", ValueError, "must not contain '/': 'a/b'")]
NAMES += [(5, TypeError, "must be a str, not int"), (b"a", TypeError, "must be a str, not bytes")]


@pytest.fixture
def scripted(connect, registry):
    """A function that returns a registry on a script, and its transport."""

    def create(*args, steps=None, **options):
        transport = Recorded(ScriptedTransport(script(**(steps or {}))))
        client, _ = connect(transport)
        return registry(client, *args, **options), transport

    return create


def found(**values):
    return replies.get({f"services/{key.replace('__', '/')}": value for key, value in values.items()})


# --- creating one


@pytest.mark.parametrize(
    ("args", "options", "error", "text"),
    [
        ((5,), {}, TypeError, "a namespace must be a str, not int"),
        ((), {"format": "krato"}, ValueError, "format: expected one of etcd_factory, naming, .*did you mean 'kratos'"),
        (
            (),
            {"format": None},
            TypeError,
            "a format must be one of etcd_factory, .*, or an instance of Format, not None",
        ),
        ((), {"read": ["naming", 5]}, TypeError, "a format must be one of etcd_factory"),
        ((), {"ttl": 0}, ValueError, "a ttl must be at least 1 second"),
        ((), {"ttl": "5"}, TypeError, "a ttl must be an int"),
        ((), {"load_balancer": "robin"}, ValueError, "load_balancer: expected one of round_robin"),
        ((), {"service_options": {"prot": 1}}, ValueError, "service_options: expected one of .*, got 'prot'; did you"),
    ],
)
def test_an_invalid_option_is_refused_at_once(scripted, args, options, error, text):
    with pytest.raises(error, match=text):
        scripted(*args, **options)


async def test_a_client_of_the_other_face_is_refused(face, registry):
    (other,) = [one for one in FACES if one is not face]
    client = other.service()
    with pytest.raises(TypeError, match=rf"{registry.__name__} needs an {face.service.__name__}, not"):
        registry(client)
    await closed(client)


@pytest.mark.parametrize("given", [None, {}, "etcd"])
def test_what_is_not_a_client_is_refused(registry, given):
    with pytest.raises(TypeError, match=f"{registry.__name__} needs an"):
        registry(given)


# --- registering


@pytest.mark.parametrize(("name", "error", "text"), NAMES)
async def test_an_invalid_name_is_refused_before_anything_is_sent(scripted, name, error, text):
    registry, transport = scripted()
    for call in (registry.register, registry.discover, registry.subscribe, partial(registry.watch, handler=print)):
        with pytest.raises(error, match=f"a service's name {text}"):
            await settle(call(name))
    with pytest.raises(error, match=f"an instance's id {text}"):
        await settle(registry.register("user", name))
    assert transport.calls == []


@pytest.mark.parametrize(
    "given",
    [
        {"check": "ftp://h"},
        {"check": print, "interval": 0},
        {"check": print, "failures": 0},
        {"weight": -1},
        {"weight": "x"},
        {"port": "80"},
        {"host": 5},
        {"tags": [1]},
        {"metadata": [1]},
        {"ttl": 0},
    ],
    ids=str,
)
async def test_an_invalid_instance_is_refused_before_anything_is_sent(scripted, given):
    registry, transport = scripted()
    with pytest.raises((TypeError, ValueError)):
        await settle(registry.register("user", "a", **given))
    assert transport.calls == []


async def test_it_is_registered_below_the_namespace_with_its_ttl(scripted):
    registry, transport = scripted("deep/er/", ttl=20)
    await settle(registry.register("user", "a"))
    await settle(registry.register("user", "b", ttl=30))
    assert [put.key for put in transport.requests("Put")] == [b"deep/er/user/a", b"deep/er/user/b"]
    assert [grant.TTL for grant in transport.requests("LeaseGrant")] == [20, 30]


@pytest.mark.parametrize("form", NAMES_OF_FORMATS)
async def test_each_format_has_its_namespace_and_its_ttl_unless_others_are_given(scripted, form):
    options = {"format": form}
    given = {**AT, "id": NAMES_OF_FORMATS[form]}
    for extra, ttl in ({}, TTLS[form]), ({"ttl": 20}, 20), ({"namespace": "own"}, TTLS[form]):
        registry, transport = scripted(**options, **extra)
        await settle(registry.register("user", **given))
        assert [grant.TTL for grant in transport.requests("LeaseGrant")] == [ttl]
        namespace = extra.get("namespace", format_of(form).namespace)
        assert transport.requests("Put")[0].key.decode().startswith(f"{namespace}/user/".lstrip("/" * (not namespace)))


@pytest.mark.anchor("registry-d12")
async def test_arguments_override_the_defaults(scripted):
    options = {"port": 80, "weight": 3, "metadata": {"zone": "x"}, "tags": ["web"]}
    registry, _ = scripted(service_options=options)
    plain = (await settle(registry.register("user", "a"))).instance
    other = (await settle(registry.register("user", "b", {"n": 1}, port=81, weight=0, tags=()))).instance
    assert (plain.port, plain.weight, plain.metadata, plain.tags) == (80, 3, {"zone": "x"}, ("web",))
    assert (other.port, other.weight, other.metadata, other.tags) == (81, 0, {"n": 1}, ())


async def test_metadata_is_a_copy(scripted):
    registry, _ = scripted()
    metadata = {"n": 1}
    one = await settle(registry.register("user", "a", metadata))
    metadata["n"] = 2
    assert one.instance.metadata == {"n": 1}


async def test_without_an_id_each_instance_gets_its_own(scripted):
    registry, _ = scripted()
    made = [await settle(registry.register("user")) for _ in range(3)]
    assert len({one.instance.id for one in made}) == 3


# --- finding


async def test_discover_returns_the_instances_with_the_tags_and_the_status(scripted):
    answer = found(
        user__a='{"metadata": {}, "tags": ["web"]}',
        user__b='{"metadata": {}, "tags": ["web", "blue"]}',
        user__c='{"metadata": {}, "tags": ["web"], "status": "paused"}',
        user__d="not JSON",
    )
    registry, transport = scripted(steps={"Range": answer})
    rules = [{}, {"tags": "web"}, {"tags": ["blue", "web"]}, {"status": "paused"}, {"status": None}, {"tags": ["x"]}]
    results = [await settle(registry.discover("user", **rule)) for rule in rules]
    assert [ids(one) for one in results] == ["ab", "ab", "b", "c", "abc", ""]
    assert isinstance(results[0][0], ServiceInstance)
    (request, *_) = transport.requests("Range")
    assert (request.key, request.range_end) == (b"services/user/", b"services/user0")


async def test_services_are_the_names_with_an_instance(scripted):
    answer = found(user__a="{}", user__b="{}", order__a="x", alone="{}", empty__="{}")
    registry, transport = scripted(steps={"Range": answer})
    assert await settle(registry.services()) == ["order", "user"]
    assert transport.requests("Range")[0].keys_only


async def test_discover_reads_every_format_and_its_own_last(scripted):
    answers = [replies.get({"user/7": "10.0.0.2:80"}), replies.get({"services/user/a": "{}", "services/user/b": "["})]
    registry, transport = scripted(read=["go_zero"], steps={"Range": answers})
    assert ids(await settle(registry.discover("user"))) == "7a"
    assert [one.key for one in transport.requests("Range")] == [b"user/", b"services/user/"]


async def test_without_a_namespace_services_are_those_with_a_value_in_the_format(scripted, caplog):
    answer = replies.get({"user/7": "10.0.0.1:80", "user/8": "10.0.0.1:81", "other/a": "x", "/a/b": "10.0.0.1:80"})
    registry, transport = scripted(format="go_zero", steps={"Range": answer})
    assert await settle(registry.services()) == ["user"]
    (request,) = transport.requests("Range")
    assert (request.key, request.range_end, request.keys_only) == (b"\0", b"\0", False)
    assert caplog.messages == []


@pytest.mark.parametrize("call", ["discover", "subscribe"])
async def test_an_unknown_status_is_refused(scripted, call):
    registry, transport = scripted()
    with pytest.raises(ValueError, match=r"status: expected one of up, paused, down, got 'pause'; did you mean"):
        await settle(getattr(registry, call)("user", status="pause"))
    assert transport.calls == []


# --- following


@pytest.mark.parametrize(
    ("option", "values", "text"),
    [
        ("threshold", ["0.5", -1, 1.1, float("nan"), True], "threshold must be a number from 0 to 1 or None"),
        ("hold", ["5", -1, float("inf"), 10**9, True], "hold and warmup must be a number of seconds"),
        ("warmup", ["5", -1, float("nan")], "hold and warmup must be a number of seconds"),
    ],
)
async def test_an_invalid_rule_of_a_view_is_refused(scripted, option, values, text):
    registry, transport = scripted()
    for value in values:
        with pytest.raises(ValueError, match=text):
            await settle(registry.subscribe("user", **{option: value}))
        if option != "warmup":
            with pytest.raises(ValueError, match=text):
                await settle(registry.watch("user", print, **{option: value}))
    assert transport.calls == []


async def test_a_view_has_its_own_balancer_or_that_of_the_registry(scripted):
    answer = found(user__a="{}", user__b="{}", user__c="{}")
    registry, _ = scripted(steps={"Range": answer}, load_balancer=lambda instances, key: instances[-1])
    plain = await settle(registry.subscribe("user"))
    turns = await settle(registry.subscribe("user", load_balancer="round_robin"))
    assert ids(plain.pick() for _ in range(3)) == "ccc"
    assert ids(turns.pick() for _ in range(3)) == "abc"
    with pytest.raises(ValueError, match="load_balancer: expected one of"):
        await settle(registry.subscribe("user", load_balancer="robin"))


async def test_watch_calls_the_handler_with_the_present_list_and_each_change(scripted, recorder):
    watch = replies.watch()
    registry, _ = scripted(steps={"Range": found(user__a="{}"), "Watch": watch})
    view = await settle(registry.watch("user", lambda instances: recorder("list", ids(instances))))
    watch.push(replies.put_event("services/user/b", "{}"))
    await recorder.until("list", 2)
    assert recorder.calls == [("list", "a"), ("list", "ab")]
    assert ids(view.instances) == "ab"


async def test_watch_does_not_call_the_handler_with_an_empty_list_at_first(scripted, recorder):
    watch = replies.watch()
    registry, _ = scripted(steps={"Range": found(), "Watch": watch})
    await settle(registry.watch("user", lambda instances: recorder("list", ids(instances))))
    watch.push(replies.put_event("services/user/a", "{}"))
    await recorder.until("list")
    assert recorder.calls == [("list", "a")]


async def later(_):
    raise AssertionError


@pytest.mark.parametrize("handler", ["print", later], ids=["no function", "async"])
async def test_a_handler_that_can_never_run_is_refused_before_the_first_call(scripted, face, handler):
    if handler is later and not face.is_blocking:
        return
    found, transport = scripted()
    with pytest.raises(TypeError, match=r"must be a function, not str|is async"):
        await settle(found.watch("user", handler))
    assert transport.calls == []


async def test_a_view_has_the_balancer_of_either_name_and_not_of_both(scripted):
    answer = found(user__a="{}", user__b="{}")
    registry, _ = scripted(steps={"Range": answer})
    view = await settle(registry.subscribe("user", balancer=lambda instances, key: instances[-1]))
    assert ids(view.pick() for _ in range(2)) == "bb"
    with pytest.raises(TypeError, match="balancer and load_balancer are the same; pass one of them"):
        await settle(registry.subscribe("user", balancer="p2c", load_balancer="p2c"))
    with pytest.raises(ValueError, match="load_balancer: expected one of"):
        await settle(registry.subscribe("user", balancer=""))


async def test_a_view_prefers_its_zone_and_a_subset(scripted):
    values = {
        f"user__{name}": json.dumps({"metadata": {"zone": zone}}) for name, zone in zip("abcd", "xyxx", strict=True)
    }
    registry, _ = scripted(steps={"Range": found(**values)})
    view = await settle(registry.subscribe("user", zone="x", subset={"size": 2, "client": "me"}))
    assert ids(view.instances) == "abcd"
    chosen = {view.pick().id for _ in range(9)}
    assert len(chosen) == 2 and chosen < set("acd")


async def test_a_view_ejects_by_its_rules(scripted):
    registry, _ = scripted(steps={"Range": found(user__a="{}", user__b="{}")})
    plain, strict = [await settle(registry.subscribe("user", outlier=rules)) for rules in (None, {"failures": 1})]
    for view in (plain, strict):
        with pytest.raises(OSError, match="refused"), view.use():
            raise OSError("refused")
    assert (ids(plain.ejected), ids(strict.ejected)) == ("", "a")


@pytest.mark.parametrize(
    ("option", "value", "error", "text"),
    [
        ("zone", 5, TypeError, "a zone must be a str"),
        ("subset", 0, ValueError, "subset must be a number of instances"),
        ("outlier", {"failures": 0}, ValueError, "outlier: failures must be"),
        ("outlier", True, TypeError, "outlier must be a mapping"),
    ],
)
async def test_an_invalid_preference_is_refused_before_anything_is_read(scripted, option, value, error, text):
    registry, transport = scripted()
    with pytest.raises(error, match=text):
        await settle(registry.subscribe("user", **{option: value}))
    assert transport.calls == []


@pytest.mark.parametrize("metadata", [[1], [(1, 2)], "text", 3], ids=repr)
async def test_metadata_is_a_mapping(scripted, metadata):
    found, transport = scripted()
    with pytest.raises(TypeError, match=f"^an instance's metadata must be a mapping, not {type(metadata).__name__}$"):
        await settle(found.register("user", metadata=metadata))
    assert transport.calls == []
