"""The pytest plugin's clients, as a test suite uses them."""

import pytest

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ETCDService, ETCDServiceFactory
from etcd_factory.factory import SharedFactory

pytest_plugins = "pytester"


def test_a_client_writes_in_the_namespace_of_its_test(etcd, etcd_sweeper, etcd_namespace):
    etcd.put("k").value("v")
    assert etcd_sweeper.get(f"{etcd_namespace}k").string() == "v"


async def test_all_clients_of_a_test_see_the_same_keys(etcd, aetcd, etcd_factory, aetcd_factory):
    etcd.put("k").value("v")
    assert await aetcd.get("k").string() == "v"
    assert etcd_factory.get().get("k").string() == "v"
    assert await aetcd_factory.get().get("k").string() == "v"


def test_what_a_test_wrote_is_deleted_when_it_ends(pytester, etcd_server, etcd_sweeper, monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY_TEST_ENDPOINTS", etcd_server.endpoint)
    pytester.makepyfile("""
        async def test_it(etcd, aetcd):
            etcd.put("left").value("v")
            assert await aetcd.get("left").exists()
    """)
    pytester.runpytest_subprocess("-o", "asyncio_mode=auto").assert_outcomes(passed=1)
    left = etcd_sweeper.get_all().prefix("test/").keys()
    assert not [key for key in left if key.endswith("left")]


def test_the_clients_are_closed_when_their_test_ends(pytester, etcd_server, monkeypatch):
    monkeypatch.setenv("ETCD_FACTORY_TEST_ENDPOINTS", etcd_server.endpoint)
    pytester.makepyfile("""
        import pytest
        from etcd_factory.errors import ClientClosedError

        kept = []

        def test_keeps(etcd, etcd_factory):
            kept.extend([etcd, etcd_factory.get()])

        @pytest.mark.parametrize("place", [0, 1])
        def test_finds_closed(place):
            with pytest.raises(ClientClosedError):
                kept[place].get("k").exists()
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=3)


async def test_the_fake_is_used_by_all_clients_of_its_test(fake_etcd):
    with ETCDService({"hosts": "etcd.example.org:2379"}) as one:
        one.put("k").lease(one.lease(30)).value("v")
        async with AsyncETCDService({"hosts": "other.example.org:2379"}) as other:
            assert await other.get("k").string() == "v"
        fake_etcd.advance(30)
        assert one.get("k").string() is None


def test_the_fixtures_work_without_a_server(pytester, monkeypatch):
    monkeypatch.setenv("PATH", "")
    pytester.makepyfile("""
        async def test_it(etcd, aetcd, etcd_factory, aetcd_factory, etcd_server):
            etcd.put("k").value("v")
            assert await aetcd.get("k").string() == "v"
            assert etcd_factory.get().get("k").string() == "v"
            assert await aetcd_factory.get().get("k").string() == "v"
            assert type(etcd_server).__name__ == "FakeEtcd"
    """)
    pytester.runpytest_subprocess("-o", "asyncio_mode=auto", "--etcd=fake").assert_outcomes(passed=1)


CONFIG = """
etcd:
  client: {hosts: "nowhere.invalid:1", namespace: app/}
  clients:
    users: {hosts: "users.invalid:1"}
    flags: {hosts: "flags.invalid:1"}
"""


def test_every_client_of_a_configuration_directory_is_in_the_namespace_of_the_test(etcd, etcd_config, tmp_path):
    (tmp_path / "config.default.yaml").write_text(CONFIG)
    (tmp_path / "config.unittest.yaml").write_text("etcd: {default: {timeout: 9}}\n")
    with ETCDServiceFactory(etcd_config(tmp_path, env="unittest")) as factory:
        for name, client in factory.clients.items():
            client.put("k").value(name)
        assert factory.get("users").options.timeout == 9
        assert factory.health().healthy()
    assert etcd.get_all().strings() == {"default/app/k": "default", "users/k": "users", "flags/k": "flags"}


async def test_named_clients_of_a_test_are_for_either_face(aetcd, etcd_clients):
    async with AsyncETCDServiceFactory(etcd_clients("users", "flags", timeout=3)) as factory:
        await factory.get("users").put("k").value("v")
        assert await factory.get("flags").get("k").string() is None
        assert factory.get("flags").options.timeout == 3
    assert await aetcd.get_all().strings() == {"users/k": "v"}


def test_a_list_of_names_is_an_error_that_says_how_to_write_them(etcd_clients):
    with pytest.raises(TypeError, match=r"one after another: etcd_clients\('users', 'flags'\)$"):
        etcd_clients(["users"])


shared = SharedFactory({"client": {"hosts": "nowhere.invalid:1"}})


def test_an_application_opens_the_configuration_of_the_test(etcd, etcd_clients, etcd_override):
    etcd_override(etcd_clients("default"))
    shared.get().put("k").value("v")
    assert etcd.get("default/k").string() == "v"


def test_an_override_ends_with_its_test():
    assert shared.get().options.hosts == ("http://nowhere.invalid:1",)
    shared.close()
