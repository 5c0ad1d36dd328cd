"""``factory.registry()`` and ``factory.config_center()``: made as the files say, in both faces."""

from __future__ import annotations

import json

import pytest

from etcd_factory import ConfigError
from etcd_factory.errors import InstanceNotFoundError
from tests.support.faces import closed, settle

SPELLINGS = {
    "snake": ("service_discovery", "load_balancer", "service_options", "config_center"),
    "camel": ("serviceDiscovery", "loadBalancer", "serviceOptions", "configCenter"),
}


@pytest.fixture
async def load(face, options, tmp_path):
    """Makes a factory from a file with two clients and these sections, and closes it."""
    made = []

    def new(**sections):
        clients = {"x": {**options, "namespace": options["namespace"] + "x/"}}
        whole = {"etcd": {"client": options, "clients": clients, **sections}}
        (tmp_path / "config.default.json").write_text(json.dumps(whole))
        made.append(face.factory.from_config(tmp_path))
        return made[-1]

    yield new
    for one in made:
        await closed(one)


async def keys(client):
    return await settle(client.get_all().keys())


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
async def test_a_registry_is_made_from_its_section(load, client, names):
    discovery, balancer, service, _ = names
    given = {"host": "10.0.0.1", "port": 80, "metadata": {"zone": "a"}, "weight": 3, "tags": ["blue"]}
    factory = load(**{discovery: {"client": "x", "namespace": "svc", "ttl": 7, balancer: "random", service: given}})
    await settle(factory.registry().register("user", "1", port=81))
    (found,) = await settle(factory.registry().discover("user"))
    assert (found.address, found.ttl, found.weight, found.tags) == ("10.0.0.1:81", 7, 3, ("blue",))
    assert found.metadata == {"zone": "a"}
    assert await keys(client) == ["x/svc/user/1"]


async def test_a_registry_without_a_section_uses_the_default_client_and_the_defaults(load, client):
    factory = load()
    await settle(factory.registry().register("user", "1"))
    assert await keys(client) == ["services/user/1"]
    assert factory.registry() is factory.registry()


@pytest.mark.parametrize("read", ["naming", ["naming"], ["naming", "kitex"]], ids=str)
async def test_a_registry_writes_and_reads_the_configured_formats(load, client, read):
    factory = load(service_discovery={"format": "kratos", "read": read, "service_options": {"host": "h", "port": 1}})
    one = await settle(factory.registry().register("user", "1"))
    assert one.instance.ttl == 15
    assert await keys(client) == ["/microservices/user/1"]
    await settle(client.put("user/2").value('{"Op":0,"Addr":"h:2","Metadata":null}'))
    assert [found.address for found in await settle(factory.registry().discover("user"))] == ["h:1", "h:2"]


async def test_views_use_the_configured_balancer(load):
    factory = load(service_discovery={"load_balancer": "consistent_hash"})
    for name in "abcd":
        await settle(factory.registry().register("user", name))
    view = await settle(factory.registry().subscribe("user"))
    assert len({view.pick("key").id for _ in range(8)}) == 1
    assert len({view.pick(f"key {n}").id for n in range(100)}) == 4


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
async def test_a_configuration_center_is_made_from_its_section(load, client, names, tmp_path):
    file = tmp_path / "last.json"
    factory = load(**{names[-1]: {"client": "x", "prefix": "cfg/", "fallback": str(file)}})
    await settle(factory.config_center().save("level", "INFO"))
    assert await keys(client) == ["x/cfg/level"]
    live = await settle(factory.config_center().live())
    assert live.value.level == "INFO"
    assert "INFO" in file.read_text()


async def test_the_fallback_file_is_used_while_etcd_is_away(face, load, refusing, tmp_path):
    file = tmp_path / "last.json"
    first = load(config_center={"fallback": str(file)})
    await settle(first.config_center().save("level", "INFO"))
    await settle((await settle(first.config_center().live())).close())
    away = face.factory({"client": {"hosts": refusing, "timeout": 0.5}, "config_center": {"fallback": str(file)}})
    live = await settle(away.config_center().live())
    assert (live.value.level, live.source) == ("INFO", "fallback")
    await closed(away)


async def test_a_center_without_a_section_uses_the_default_client_and_the_defaults(load, client):
    await settle(load().config_center().save("level", "INFO"))
    assert await keys(client) == ["config/level"]


async def test_a_center_can_be_made_for_a_group(load):
    factory = load()
    await settle(factory.config_center().save("level", "INFO"))
    await settle(factory.config_center().save("level", "DEBUG", only="blue"))
    assert await settle(factory.config_center(groups=["blue"]).get("level")) == "DEBUG"
    assert await settle(factory.config_center().get("level")) == "INFO"


WRONG = [
    ({"service_discovery": {"namespce": "a"}}, "service_discovery.namespce: unknown option; did you mean 'namespace'"),
    ({"serviceDiscovery": {"loadBalancr": "random"}}, "serviceDiscovery.loadBalancr: unknown option; did you mean"),
    ({"service_discovery": {"load_balancer": "rnd"}}, "service_discovery.load_balancer: "),
    ({"service_discovery": {"ttl": 0}}, "service_discovery.ttl: "),
    ({"service_discovery": {"format": "krato"}}, "service_discovery.format: expected one of etcd_factory, naming, "),
    ({"service_discovery": {"read": ["x"]}}, "service_discovery.read: expected one of etcd_factory, naming, "),
    (
        {"service_discovery": {"service_options": {"hst": "a"}}},
        "service_options.hst: unknown option; did you mean 'host'",
    ),
    ({"config_center": {"prefx": "a"}}, "config_center.prefx: unknown option; did you mean 'prefix'"),
    ({"config_centre": {}}, "config_centre: unknown option; did you mean 'config_center'"),
]


@pytest.mark.parametrize(("sections", "message"), WRONG)
async def test_an_invalid_section_is_reported_with_its_file(load, sections, message, tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(**sections)
    assert f"{tmp_path / 'config.default.json'}: etcd." in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(("section", "call"), [("service_discovery", "registry"), ("config_center", "config_center")])
async def test_a_missing_client_is_an_error_that_lists_the_existing_ones(load, section, call):
    factory = load(**{section: {"client": "y"}})
    with pytest.raises(InstanceNotFoundError, match="x"):
        getattr(factory, call)()
