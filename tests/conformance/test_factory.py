"""Factories of etcd clients, on a real etcd and in both faces."""

from __future__ import annotations

import copy
import json
import logging
import time

import pytest
import trustme
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
from etcd_factory.testing import EtcdServer, ServerTLS
from etcd_factory.testing.tcp_ports import free_ports
from tests.support.faces import closed, settle


class Custom(ETCDService):
    pass


class AsyncCustom(AsyncETCDService):
    pass


SLACK = 1  # seconds that a busy machine may add to what the contract bounds
CUSTOM = {"blocking": Custom, "asyncio": AsyncCustom}


@pytest.fixture
async def opened(face):
    """Enters factories, and closes them in the end."""
    held = []

    async def opened(factory):
        held.append(factory)
        return await factory.__aenter__() if hasattr(factory, "__aenter__") else factory.__enter__()

    yield opened
    for factory in held:
        await closed(factory)


@pytest.fixture
def build(face, opened):
    """Makes factories of the face."""
    return lambda *given: opened(face.factory(*given))


@pytest.fixture
def load(face, opened, monkeypatch, tmp_path):
    """Makes factories of the face from configuration, in a directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return lambda *sources, **given: opened(face.factory.from_config(*sources, **given))


@pytest.fixture
def write(tmp_path):
    """Writes a file of the configuration."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return path

    return write


@pytest.fixture
def dead():
    """Options of a client of a server that is not there."""
    return {"hosts": f"127.0.0.1:{free_ports(1)[0]}"}


async def works(etcd):
    await settle(etcd.put("foo").value("bar"))
    return await settle(etcd.get("foo").string()) == "bar"


async def error_of(call):
    """The error that a call gives, in either face."""
    try:
        return await settle(call())
    except Exception as error:
        return error


# --- the seed page


async def test_the_seed_page_works_to_the_letter(build, options):
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


async def test_the_seed_page_reads_the_default_client_from_a_directory(load, write, options):
    write("config/config.default.py", f"etcd = {{'client': {{'host': {options['hosts']!r}}}}}")
    write("config/config.local.yaml", {"etcd": {"client": {"namespace": options["namespace"]}}})
    factory = await load("config", env="local")
    assert await works(factory.get())
    assert factory.get().options.namespace == options["namespace"]


async def test_f12_midway_15_a_factory_without_a_default_says_so(build, options):
    factory = await build({"clients": {"a": options, "b": options}})
    with pytest.raises(InstanceNotFoundError, match="etcd default instance not found"):
        factory.get()


# --- from configuration


@pytest.mark.parametrize("ending", ["yaml", "yml", "json"])
async def test_each_format_and_layer_makes_one_working_client(load, write, options, monkeypatch, ending):
    write(f"config/config.default.{ending}", {"etcd": {"default": {"timeout": 9}, "client": {"hosts": ["unused:1"]}}})
    write("config/config.local.toml", f"etcd.client.hosts = {options['hosts']!r}\netcd.client.dialTimeout = 3")
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__NAMESPACE", options["namespace"])
    factory = await load(env="local")
    assert await works(factory.get())
    made = factory.get().options
    assert (made.timeout, made.dial_timeout, made.namespace) == (9, 3, options["namespace"])


async def test_a_mapping_stands_above_the_files(load, write, options):
    write("config/a.default.yaml", {"etcd": {"client": {"hosts": ["unused:1"], "timeout": 4}}})
    factory = await load("config", {"etcd": {"client": options}})
    assert await works(factory.get())
    assert factory.get().options.timeout == 4


async def test_the_environment_variable_chooses_the_files(load, write, options, monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY_ENV", "daily")
    write("config/a.default.yaml", {"etcd": {"client": {"hosts": ["unused:1"]}}})
    write("config/a.daily.yaml", {"etcd": {"client": options}})
    assert await works((await load()).get())


async def test_the_section_may_stand_elsewhere(load, options):
    factory = await load({"services": {"store": {"client": options}}}, key="services.store")
    assert await works(factory.get())


async def test_filters_pass_every_layer(load, options):
    factory = await load({"etcd": {"client": {}}}, filters=[lambda layer: {"etcd": {"client": options}}])
    assert await works(factory.get())


async def test_interpolations_are_resolved(load, options, monkeypatch):
    monkeypatch.setenv("ETCD_PASSWORD_OF_TEST", "hunter2")
    client = {**options, "auth": {"username": "root", "password": "${oc.env:ETCD_PASSWORD_OF_TEST}"}}
    factory = await load({"etcd": {"client": client, "clients": {"b": {"hosts": "${etcd.client.hosts}"}}}})
    assert factory.get().options.auth.password == "hunter2"
    assert factory.get("b").options.hosts == factory.get().options.hosts


async def test_all_faults_of_a_load_are_told_with_the_file_that_set_them(face, write, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write("config/c.default.yaml", {"etcd": {"default": {"timeout": -1}, "clients": {"a": {"hots": 1}, "b": {}}}})
    write("config/c.prod.json", {"etcd": {"clients": {"b": {"retry": {"attempts": "3"}}}}})
    monkeypatch.setenv("ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT", "soon")
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config("config", {"etcd": {"client": {"namespac": "x"}}})
    lines = str(caught.value).splitlines()
    assert lines[0] == "5 faults in the configuration:"
    assert {line.strip() for line in lines[1:]} == {
        "config/c.default.yaml: etcd.default.timeout: expected a number of seconds above 0, got -1",
        "config/c.default.yaml: etcd.clients.a.hots: unknown option; did you mean 'hosts'?",
        "config/c.prod.json: etcd.clients.b.retry.attempts: expected a whole number, got str",
        "mapping 1: etcd.client.namespac: unknown option; did you mean 'namespace'?",
        "$ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT: etcd.client.dial_timeout: expected a number of seconds, got str",
    }


async def test_faults_of_files_and_of_options_are_told_together(face, write, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    write("config/c.default.yaml", {"etcd": {"client": {"hots": 1}}})
    write("config/c.prod.yaml", "a: [")
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config()
    assert [fault.file for fault in caught.value.faults] == ["config/c.prod.yaml", "config/c.default.yaml"]


@pytest.mark.parametrize("section", [5, "a:1", ["a"]], ids=repr)
async def test_a_section_that_is_no_mapping_is_told_with_its_file_and_path(face, write, section):
    path = write("c.yaml", {"etcd": section})
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config(path)
    assert str(caught.value) == f"{path}: etcd: expected a mapping, got {type(section).__name__}"


async def test_a_section_that_cant_be_resolved_is_told_with_its_file_and_path(face, write):
    path = write("c.yaml", {"etcd": "${oc.env:NOWHERE_SET}"})
    with pytest.raises(ConfigError, match="NOWHERE_SET") as caught:
        face.factory.from_config(path)
    assert str(caught.value).startswith(f"{path}: etcd: ")


async def test_a_section_that_is_not_there_is_told_with_those_that_are(face):
    with pytest.raises(ConfigError, match="etcd: no such section; there is: etdc, redis; did you mean 'etdc'"):
        face.factory.from_config({"etdc": {}, "redis": {}})


async def test_a_section_that_is_empty_has_no_clients(load):
    assert (await load({"etcd": {}})).names == ()
    assert (await load({"etcd": None})).names == ()


async def test_a_class_that_is_no_subclass_is_told_with_its_file_and_path(face, write):
    other = {"blocking": "etcd_factory:AsyncETCDService", "asyncio": "etcd_factory:ETCDService"}[face.name]
    path = write("c.yaml", {"etcd": {"clients": {"a": {"client_class": other}, "b": {"x": 1}}}})
    with pytest.raises(ConfigError) as caught:
        face.factory.from_config(path)
    assert {(fault.file, fault.path) for fault in caught.value.faults} == {
        (str(path), "etcd.clients.a.client_class"),
        (str(path), "etcd.clients.b.x"),
    }


ASYNC = "async def config(info, merged):\n    return {{'etcd': {{'client': {!r}, 'default': {{'timeout': 7}}}}}}\n"


async def test_an_async_config_function_is_awaited_when_the_factory_is_entered(write, options):
    factory = AsyncETCDServiceFactory.from_config(write("c.py", ASYNC.format(options)))
    async with factory:
        assert await works(factory.get())
        assert factory.get().options.timeout == 7


async def test_an_async_config_function_has_default_for_clients_at_run_time_too(write, options):
    async with AsyncETCDServiceFactory.from_config(write("c.py", ASYNC.format(options))) as factory:
        assert (await factory.create_instance(options, "b")).options.timeout == 7


async def test_an_async_config_function_that_was_not_awaited_makes_no_clients(write, options):
    factory = AsyncETCDServiceFactory.from_config(write("c.py", ASYNC.format(options)))
    for call in (factory.get, lambda: factory.create_instance(options, "b")):
        assert isinstance(await error_of(call), ClientClosedError)
    await factory.aclose()


async def test_the_faults_of_an_async_config_function_are_told_on_entering(write):
    path = write("c.py", "async def config(info, merged):\n    return {'etcd': {'client': {'hots': 1}}}\n")
    factory = AsyncETCDServiceFactory.from_config(path)
    with pytest.raises(ConfigError, match=f"{path}: etcd.client.hots: unknown option; did you mean 'hosts'"):
        await factory.__aenter__()


def test_the_blocking_face_says_that_it_cant_await_a_config_function(write):
    path = write("c.py", ASYNC.format({}))
    with pytest.raises(ConfigError, match="config\\(\\) is async; only the asyncio face can load it") as caught:
        ETCDServiceFactory.from_config(path)
    assert [fault.file for fault in caught.value.faults] == [str(path)]
    assert "AsyncETCDServiceFactory" in str(caught.value)


# --- from objects


@pytest.mark.parametrize("form", [dict, OmegaConf.create, lambda given: FactoryOptions(**given)])
async def test_a_factory_is_made_from_each_form_of_options(build, options, form):
    factory = await build(form({"default": options, "client": {"timeout": 3}}))
    assert await works(factory.get())
    assert factory.get().options.timeout == 3


async def test_a_factory_is_made_from_a_part_of_a_loaded_tree(build, options):
    tree = OmegaConf.create({"hosts": options["hosts"], "etcd": {"client": {**options, "hosts": "${hosts}"}}})
    assert await works((await build(tree.etcd)).get())


async def test_an_instance_of_options_stands_wherever_a_mapping_does(build, options):
    shared = ClientOptions(**options)
    factory = await build({"default": shared, "client": ClientOptions(timeout=3), "clients": {"a": ClientOptions()}})
    later = await settle(factory.create_instance(ClientOptions(timeout=2), "b"))
    for etcd, timeout in ((factory.get(), 3), (factory.get("a"), 5), (later, 2)):
        assert await works(etcd)
        assert etcd.options.timeout == timeout


async def test_an_omegaconf_tree_is_taken_at_run_time(build, options):
    factory = await build()
    assert await works(await settle(factory.create_instance(OmegaConf.create(options), "a")))


async def test_f8_no_configuration_is_changed(build, options):
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
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_server(authority, tmp_path_factory):
    """A server that serves TLS to clients with a certificate."""
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("127.0.0.1", "etcd.test")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    with EtcdServer(tls=ServerTLS(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")) as server:
        yield server


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
    factory = await build({"client": {**options, "grpcOptions": {"grpc.max_send_message_length": 100}}})
    assert await works(factory.get())
    error = await error_of(lambda: factory.get().put("k").value("v" * 200))
    assert isinstance(error, EtcdFactoryError)
    assert "100" in str(error)


async def test_the_namespace_stands_before_every_key(build, options):
    inner = {**options, "namespace": options["namespace"] + "inner/"}
    factory = await build({"client": options, "clients": {"inner": inner}})
    await works(factory.get("inner"))
    assert await settle(factory.get().get_all().keys()) == ["inner/foo"]
    assert await settle(factory.get("inner").get_all().keys()) == ["foo"]


# --- a class of one's own


@pytest.mark.parametrize("key", ["client_class", "clientClass", "customClientClass"])
async def test_a_client_may_be_of_a_class_of_ones_own(face, build, options, key):
    factory = await build(
        {"default": {key: CUSTOM[face.name]}, "client": options, "clients": {"a": {key: face.service}}}
    )
    assert type(factory.get()) is CUSTOM[face.name]
    assert type(factory.get("a")) is face.service
    assert await works(factory.get())


async def test_a_class_of_ones_own_may_be_an_import_path(face, build, options):
    path = f"{__name__}:{CUSTOM[face.name].__name__}"
    factory = await build({"client": {**options, "client_class": path}})
    assert type(factory.get()).__name__ == CUSTOM[face.name].__name__


async def test_the_class_is_taken_out_of_the_options(face, build, options):
    factory = await build({"client": {**options, "client_class": CUSTOM[face.name]}})
    assert factory.get().options == ClientOptions(**options)


async def test_the_class_counts_when_options_are_compared(face, build, options):
    factory = await build({"clients": {"a": {**options, "client_class": CUSTOM[face.name]}}})
    error = await error_of(lambda: factory.create_instance(options, "a"))
    assert isinstance(error, InstanceExistsError)


async def test_a_class_of_the_other_face_is_an_error_at_run_time_too(face, build):
    other = {"blocking": AsyncETCDService, "asyncio": ETCDService}[face.name]
    factory = await build()
    error = await error_of(lambda: factory.create_instance({"client_class": other}, "a"))
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"client_class: {other.__name__} is no subclass of ")
    assert face.service.__name__ in str(error)
    assert not factory.has("a")


@pytest.mark.parametrize("base", [ETCDService, AsyncETCDService])
async def test_the_error_of_a_class_that_fails_is_raised_as_it_is(base):
    class Failing(base):
        def __init__(self, options):
            raise RuntimeError("no license")

    face = {ETCDService: ETCDServiceFactory, AsyncETCDService: AsyncETCDServiceFactory}[base]
    with pytest.raises(RuntimeError, match="no license"):
        face({"clients": {"a": {}, "b": {"client_class": Failing}}})


# --- at run time


async def test_f1_equal_options_give_the_same_client_however_they_are_written(build, options):
    factory = await build({"default": {"timeout": 4}, "clients": {"a": options}})
    same = {"host": options["hosts"][0], "namespace": options["namespace"], "timeout": 4.0, "dialTimeout": 2}
    assert await settle(factory.create_instance(same, "a")) is factory.get("a")
    assert isinstance(await error_of(lambda: factory.create_instance({**same, "timeout": 1}, "a")), InstanceExistsError)


async def test_f1_a_replaced_client_is_closed_and_the_new_one_works(build, options):
    factory = await build({"client": options})
    old = factory.get()
    await works(old)
    new = await settle(factory.create_instance({**options, "timeout": 1}, "default", on_exists="replace"))
    assert isinstance(await error_of(lambda: old.get("foo").string()), ClientClosedError)
    assert factory.get() is new
    assert await works(new)


async def test_wrong_options_leave_the_factory_as_it_was(build, options):
    factory = await build({"client": options})
    old = factory.get()
    error = await error_of(lambda: factory.create_instance({"hots": "a"}, "default", on_exists="replace"))
    assert isinstance(error, ConfigError)
    assert str(error) == "hots: unknown option; did you mean 'hosts'?"
    assert (factory.names, factory.get() is old, await works(old)) == (("default",), True, True)


async def test_f6_closing_ends_named_and_unnamed_clients(build, options):
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


async def test_f12_health_tells_version_leader_and_latency(build, options, etcd_server):
    report = await settle((await build({"client": options, "priority": {"default": "high"}})).health())
    assert isinstance(report, HealthReport)
    health = report["default"]
    assert (health.ok, health.error, health.priority) == (True, None, "high")
    assert health.endpoint == etcd_server.endpoint
    assert health.version.startswith("3.")
    assert health.leader > 0
    assert 0 < health.latency < 1
    assert report.healthy()


@pytest.mark.parametrize(("priority", "healthy"), [("high", False), ("medium", False), ("low", True)])
async def test_f12_a_dead_client_counts_by_its_priority_and_is_told_within_the_timeout(
    build, options, dead, priority, healthy
):
    factory = await build({"clients": {"a": options, "b": dead}, "priority": {"b": priority}})
    started = time.monotonic()
    report = await settle(factory.health(timeout=0.5))
    assert time.monotonic() - started < 0.5 + SLACK
    assert (report["a"].ok, report["b"].ok, report.healthy()) == (True, False, healthy)
    assert isinstance(report["b"].error, ConnectionFailedError | TimeoutError)
    assert report["b"].endpoint == dead["hosts"]


async def test_health_of_a_client_that_its_user_closed_is_ill(build, options):
    factory = await build({"clients": {"a": options, "b": options}})
    await closed(factory.get("a"))
    report = await settle(factory.health())
    assert isinstance(report["a"].error, ClientClosedError)
    assert report["b"].ok


async def test_health_of_a_client_whose_password_cant_be_had_is_ill(build, options):
    def password():
        raise RuntimeError("no vault")

    factory = await build(
        {"clients": {"a": {**options, "auth": {"username": "u", "password": password}}, "b": options}}
    )
    report = await settle(factory.health())
    assert str(report["a"].error) == "no vault"
    assert report["b"].ok


# --- secrets


async def test_f13_no_secret_is_in_a_log_or_text(build, options, caplog):
    caplog.set_level(logging.DEBUG)
    client = {**options, "auth": {"username": "root", "password": "hunter2"}}
    factory = await build({"client": client})
    error = await error_of(lambda: factory.create_instance({**client, "hots": "hunter2"}, "a"))
    shown = f"{factory!r} {factory.get()!r} {factory.clients} {error!r} {caplog.text}"
    assert isinstance(error, EtcdFactoryError)
    assert "hunter2" not in shown
