"""What ``manage.py check`` finds."""

from __future__ import annotations

from etcd_factory.integrations.django.checks import configured, healthy


def test_a_valid_configuration_has_no_problem():
    assert configured(None) == []


def test_every_problem_of_the_configuration_is_an_error(settings):
    settings(ETCD={"clients": {"a": {"hots": "x:1"}, "b": {"timeout": -1}}})
    found = configured(None)
    assert [one.id for one in found] == ["etcd.E001", "etcd.E001"]
    assert "clients.a.hots: unknown option; did you mean 'hosts'?" in found[0].msg
    assert "clients.b.timeout" in found[1].msg
    assert "the setting ETCD" in found[0].hint


def test_in_a_directory_each_names_its_file(settings, tmp_path):
    written = tmp_path / "config.default.yaml"
    written.write_text("etcd: {default: {timout: 1}}")
    settings(ETCD=tmp_path)
    (found,) = configured(None)
    assert found.msg.startswith(f"{written}: etcd.default.timout: unknown option; did you mean 'timeout'?")


def test_a_client_that_is_away_is_a_warning(settings):
    settings(ETCD={"client": {"hosts": "127.0.0.1:1"}})
    (found,) = healthy(None)
    assert (found.id, found.level) == ("etcd.W001", 30)
    assert found.msg.startswith("the client 'default' is not healthy: ") and "127.0.0.1:1" in found.msg


def test_clients_of_an_invalid_configuration_are_not_asked(settings):
    settings(ETCD={"clinets": {}})
    assert healthy(None) == []
