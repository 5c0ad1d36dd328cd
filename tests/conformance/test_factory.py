"""Factories of etcd clients, on a real etcd and in both faces."""

from __future__ import annotations

import copy
import logging
import time

import pytest
from omegaconf import OmegaConf

from etcd_factory import (
    AsyncETCDService,
    AsyncETCDServiceFactory,
    ClientOptions,
    ConfigError,
    ETCDService,
    ETCDServiceFactory,
    FactoryOptions,
    HealthReport,
)
from etcd_factory.errors import (
    ClientClosedError,
    ConnectionFailedError,
    EtcdFactoryError,
    InstanceExistsError,
    InstanceNotFoundError,
)
from etcd_factory.testing.tcp_ports import free_ports
from tests.support.boxes import error_of
from tests.support.faces import closed, settle


class Custom(ETCDService):
    pass


class AsyncCustom(AsyncETCDService):
    pass


SLACK = 1  # seconds that a busy machine may add to the documented bound
CUSTOM = {"blocking": Custom, "asyncio": AsyncCustom}


@pytest.fixture
def build(face, opened):
    """Makes factories of the face."""
    return lambda *given: opened(face.factory(*given))


@pytest.fixture
def dead():
    """Options of a client whose server does not exist."""
    return {"hosts": f"127.0.0.1:{free_ports(1)[0]}"}


async def works(etcd):
    await settle(etcd.put("foo").value("bar"))
    return await settle(etcd.get("foo").string()) == "bar"


# --- the seed page


async def test_the_seed_page_works_literally(build, options):
    factory = await build({"client": {"host": options["hosts"], "namespace": options["namespace"]}})
    etcd = factory.get()
    await settle(etcd.put("foo").value("bar"))
    assert await settle(etcd.get("foo").string()) == "bar"
    assert await settle(etcd.get_all().prefix("f").keys()) == ["foo"]
    await settle(etcd.delete().all())
    assert await settle(etcd.get("foo").string()) is None


async def test_the_seed_page_has_instances_from_configuration_and_at_run_time(build, options):
    clients = {"instance1": {"host": options["hosts"]}, "instance2": {"host": options["hosts"][0]}}
    factory = await build({"default": {"namespace": options["namespace"]}, "clients": clients})
    instance3 = await settle(factory.create_instance({"hosts": options["hosts"]}, "instance3"))
    assert factory.get("instance3") is instance3
    await settle(factory.get("instance1").put("foo").value("bar"))
    for name in ("instance1", "instance2", "instance3"):
        assert await settle(factory.get(name).get("foo").string()) == "bar"


@pytest.mark.anchor("f11")
async def test_a_factory_without_a_default_says_so(build, options):
    factory = await build({"clients": {"a": options, "b": options}})
    with pytest.raises(InstanceNotFoundError, match="etcd default instance not found"):
        factory.get()


# --- from objects


@pytest.mark.parametrize("form", [dict, OmegaConf.create, lambda given: FactoryOptions(**given)])
async def test_a_factory_is_made_from_each_form_of_options(build, options, form):
    factory = await build(form({"default": options, "client": {"timeout": 3}}))
    assert await works(factory.get())
    assert factory.get().options.timeout == 3


async def test_a_factory_is_made_from_a_part_of_a_loaded_tree(build, options):
    tree = OmegaConf.create({"hosts": options["hosts"], "etcd": {"client": {**options, "hosts": "${hosts}"}}})
    assert await works((await build(tree.etcd)).get())


async def test_an_instance_of_options_is_accepted_like_a_mapping(build, options):
    shared = ClientOptions(**options)
    factory = await build({"default": shared, "client": ClientOptions(timeout=3), "clients": {"a": ClientOptions()}})
    later = await settle(factory.create_instance(ClientOptions(timeout=2), "b"))
    for etcd, timeout in ((factory.get(), 3), (factory.get("a"), 5), (later, 2)):
        assert await works(etcd)
        assert etcd.options.timeout == timeout


async def test_an_omegaconf_tree_is_accepted_at_run_time(build, options):
    factory = await build()
    assert await works(await settle(factory.create_instance(OmegaConf.create(options), "a")))


@pytest.mark.anchor("f8")
async def test_no_configuration_is_changed(build, options):
    config = {"default": {"retry": {"attempts": 2}}, "client": options, "clients": {"default": {"timeout": 3}}}
    tree, before = OmegaConf.create(config), copy.deepcopy(config)
    await build(config)
    await build(tree)
    assert (config, tree) == (before, before)


async def test_nothing_is_sent_before_the_first_call(build, dead):
    assert (await build({"client": dead})).has("default")


async def test_a_factory_needs_no_loop_to_be_made(face, options):
    factory = face.factory({"client": options})
    assert isinstance(factory.get(), face.service)
    await closed(factory)


# --- options at work


@pytest.fixture(scope="module")
def tls_server(serve):
    """A server that serves TLS to clients with a certificate."""
    return serve("127.0.0.1", "etcd.test", strict=True)


@pytest.fixture
def tls(authority, tls_server):
    """What a client of that server needs, as files."""
    return {"ca": tls_server.tls.ca, "cert": tls_server.tls.cert, "key": tls_server.tls.key}


@pytest.mark.parametrize("key", ["tls", "credentials"])
@pytest.mark.parametrize("form", [str, lambda path: path, lambda path: path.read_text()], ids=["text", "path", "pem"])
async def test_tls_is_read_from_files_and_from_text(build, tls_server, tls, key, form):
    given = {name: form(path) for name, path in tls.items()}
    assert await works((await build({"client": {"hosts": tls_server.url, key: given}})).get())


async def test_the_name_of_the_server_may_differ_from_its_host(build, tls_server, tls):
    given = {"hosts": tls_server.url, "tls": {**tls, "server_name": "etcd.test"}, "timeout": 1}
    factory = await build({"client": given, "clients": {"b": {**given, "tls": {**tls, "serverName": "other.test"}}}})
    assert await works(factory.get())
    assert isinstance(await error_of(factory.get("b").get("foo").string), ConnectionFailedError)


async def test_a_server_of_an_unknown_authority_is_not_trusted(build, tls_server):
    factory = await build({"client": {"hosts": tls_server.url, "timeout": 1}})
    assert isinstance(await error_of(factory.get().get("foo").string), ConnectionFailedError)


async def test_grpc_options_are_passed_on(build, options):
    factory = await build(
        {"client": {**options, "transport": "grpc", "grpcOptions": {"grpc.max_send_message_length": 100}}}
    )
    assert await works(factory.get())
    error = await error_of(lambda: factory.get().put("k").value("v" * 200))
    assert isinstance(error, EtcdFactoryError)
    assert "100" in str(error)


async def test_grpc_options_of_another_transport_are_an_error_that_says_what_to_write(options):
    with pytest.raises(ConfigError, match="set transport: grpc, or remove them"):
        ETCDServiceFactory({"client": {**options, "grpcOptions": {"grpc.max_send_message_length": 100}}})


async def test_the_namespace_is_prepended_to_every_key(build, options):
    inner = {**options, "namespace": options["namespace"] + "inner/"}
    factory = await build({"client": options, "clients": {"inner": inner}})
    await works(factory.get("inner"))
    assert await settle(factory.get().get_all().keys()) == ["inner/foo"]
    assert await settle(factory.get("inner").get_all().keys()) == ["foo"]


# --- a custom class


@pytest.mark.parametrize("key", ["client_class", "clientClass", "customClientClass"])
async def test_a_client_may_have_a_custom_class(face, build, options, key):
    factory = await build(
        {"default": {key: CUSTOM[face.name]}, "client": options, "clients": {"a": {key: face.service}}}
    )
    assert type(factory.get()) is CUSTOM[face.name]
    assert type(factory.get("a")) is face.service
    assert await works(factory.get())


async def test_a_custom_class_may_be_an_import_path(face, build, options):
    path = f"{__name__}:{CUSTOM[face.name].__name__}"
    factory = await build({"client": {**options, "client_class": path}})
    assert type(factory.get()).__name__ == CUSTOM[face.name].__name__


async def test_the_class_is_removed_from_the_options(face, build, options):
    factory = await build({"client": {**options, "client_class": CUSTOM[face.name]}})
    assert factory.get().options == ClientOptions(**options)


async def test_the_class_is_part_of_the_comparison_of_options(face, build, options):
    factory = await build({"clients": {"a": {**options, "client_class": CUSTOM[face.name]}}})
    error = await error_of(lambda: factory.create_instance(options, "a"))
    assert isinstance(error, InstanceExistsError)


async def test_a_class_of_the_other_face_is_an_error_at_run_time_too(face, build):
    other = {"blocking": AsyncETCDService, "asyncio": ETCDService}[face.name]
    factory = await build()
    error = await error_of(lambda: factory.create_instance({"client_class": other}, "a"))
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"client_class: {other.__name__} is not a subclass of ")
    assert face.service.__name__ in str(error)
    assert not factory.has("a")


@pytest.mark.parametrize("base", [ETCDService, AsyncETCDService])
async def test_an_error_of_the_class_is_raised_unchanged(base):
    class Failing(base):
        def __init__(self, options):
            raise RuntimeError("no license")

    face = {ETCDService: ETCDServiceFactory, AsyncETCDService: AsyncETCDServiceFactory}[base]
    with pytest.raises(RuntimeError, match="no license"):
        face({"clients": {"a": {}, "b": {"client_class": Failing}}})


# --- at run time


@pytest.mark.anchor("f1")
async def test_equal_options_in_any_spelling_return_the_same_client(build, options):
    factory = await build({"default": {"timeout": 4}, "clients": {"a": options}})
    same = {"host": options["hosts"][0], "namespace": options["namespace"], "timeout": 4.0, "dialTimeout": 2}
    assert await settle(factory.create_instance(same, "a")) is factory.get("a")
    assert isinstance(await error_of(lambda: factory.create_instance({**same, "timeout": 1}, "a")), InstanceExistsError)


@pytest.mark.anchor("f1")
async def test_a_replaced_client_is_closed_and_the_new_one_works(build, options):
    factory = await build({"client": options})
    old = factory.get()
    await works(old)
    new = await settle(factory.create_instance({**options, "timeout": 1}, "default", on_exists="replace"))
    assert isinstance(await error_of(lambda: old.get("foo").string()), ClientClosedError)
    assert factory.get() is new
    assert await works(new)


async def test_invalid_options_leave_the_factory_unchanged(build, options):
    factory = await build({"client": options})
    old = factory.get()
    error = await error_of(lambda: factory.create_instance({"hots": "a"}, "default", on_exists="replace"))
    assert isinstance(error, ConfigError)
    assert str(error) == "hots: unknown option; did you mean 'hosts'?"
    assert (factory.names, factory.get() is old, await works(old)) == (("default",), True, True)


@pytest.mark.anchor("f6")
async def test_closing_closes_named_and_unnamed_clients(build, options):
    factory = await build({"client": options})
    clients = [factory.get(), await settle(factory.create_instance(options, "a"))]
    clients.append(await settle(factory.create_instance(options)))
    for etcd in clients:
        assert await works(etcd)
    await closed(factory)
    for etcd in clients:
        assert isinstance(await error_of(lambda etcd=etcd: etcd.get("foo").string()), ClientClosedError)


async def test_a_removed_client_is_closed_and_the_others_work(build, options):
    factory = await build({"clients": {"a": options, "b": options}})
    gone = factory.get("a")
    await settle(factory.remove("a"))
    assert isinstance(await error_of(lambda: gone.get("foo").string()), ClientClosedError)
    assert factory.names == ("b",)
    assert await works(factory.get())


async def test_leaving_a_with_block_closes_the_clients(face, options):
    factory = face.factory({"client": options})
    if face.name == "blocking":
        with factory:
            etcd = factory.get()
    else:
        async with factory:
            etcd = factory.get()
    assert isinstance(await error_of(lambda: etcd.get("foo").string()), ClientClosedError)
    assert isinstance(await error_of(factory.get), ClientClosedError)


# --- health


@pytest.mark.anchor("f12")
async def test_health_has_version_leader_and_latency(build, options, etcd_server):
    factory, start = await build({"client": options, "priority": {"default": "high"}}), time.monotonic()
    report = await settle(factory.health())
    assert isinstance(report, HealthReport)
    took, health = time.monotonic() - start, report["default"]
    assert (health.ok, health.error, health.priority) == (True, None, "high")
    assert health.endpoint == etcd_server.endpoint
    assert health.version.startswith("3.")
    assert health.leader > 0
    assert 0 < health.latency < took
    assert report.healthy()


@pytest.mark.anchor("f12")
@pytest.mark.parametrize(("priority", "healthy"), [("high", False), ("medium", False), ("low", True)])
async def test_a_dead_client_counts_by_its_priority_and_is_found_within_the_timeout(
    build, options, dead, priority, healthy
):
    factory = await build({"clients": {"a": options, "b": dead}, "priority": {"b": priority}})
    started = time.monotonic()
    report = await settle(factory.health(timeout=0.5))
    assert time.monotonic() - started < 0.5 + SLACK
    assert (report["a"].ok, report["b"].ok, report.healthy()) == (True, False, healthy)
    assert isinstance(report["b"].error, ConnectionFailedError | TimeoutError)
    assert report["b"].endpoint == dead["hosts"]


async def test_a_client_closed_by_its_user_is_unhealthy(build, options):
    factory = await build({"clients": {"a": options, "b": options}})
    await closed(factory.get("a"))
    report = await settle(factory.health())
    assert isinstance(report["a"].error, ClientClosedError)
    assert report["b"].ok


async def test_a_client_whose_password_function_fails_is_unhealthy(build, options):
    def password():
        raise RuntimeError("no vault")

    factory = await build(
        {"clients": {"a": {**options, "auth": {"username": "u", "password": password}}, "b": options}}
    )
    report = await settle(factory.health())
    assert str(report["a"].error) == "no vault"
    assert report["b"].ok


# --- secrets


@pytest.mark.anchor("f13")
async def test_no_secret_is_in_a_log_or_text(build, options, caplog):
    caplog.set_level(logging.DEBUG)
    client = {**options, "auth": {"username": "root", "password": "hunter2"}}
    factory = await build({"client": client})
    error = await error_of(lambda: factory.create_instance({**client, "hots": "hunter2"}, "a"))
    shown = f"{factory!r} {factory.get()!r} {factory.clients} {error!r} {caplog.text}"
    assert isinstance(error, EtcdFactoryError)
    assert "hunter2" not in shown
