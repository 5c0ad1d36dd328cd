"""The JSON Schema of configurations: it accepts what the loader accepts, but for the exceptions below."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
import yaml
from hypothesis import assume, event, given, settings
from jsonschema import Draft7Validator

from etcd_factory import ClientOptions, config_schema
from etcd_factory.config import json_schema
from etcd_factory.options.names import canonical
from tests.support import pems, schema_cases, schema_file
from tests.support.schema_cases import loader_accepts, schema_accepts

ROOT = Path(__file__).parents[3]
CLIENT = config_schema()["definitions"]["ClientOptions"]


def test_the_document_is_up_to_date():
    """If not, run ``python -m tests.support.schema_file``."""
    assert schema_file.PATH.read_text() == schema_file.generated()


def test_it_is_a_schema():
    Draft7Validator.check_schema(config_schema())


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_the_example_files_name_it_and_are_valid(path):
    text = path.read_text()
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert (path.parent / named[1]).resolve() == schema_file.PATH
    assert Draft7Validator(config_schema()).is_valid(yaml.safe_load(text))


@pytest.mark.parametrize(("expected", "options"), schema_cases.SINGLE)
def test_schema_and_loader_accept_the_same_values_of_an_option(expected, options):
    assert schema_accepts(options) is loader_accepts(options) is expected


@settings(max_examples=300, deadline=None)
@given(schema_cases.SECTIONS)
def test_schema_and_loader_accept_the_same_configurations(options):
    expected = loader_accepts(options)
    event(f"accepted: {expected}")
    assert schema_accepts(options) is expected


def has_other_spelling(options):
    """Whether a key is an option in a spelling that the schema does not know, as ``Timeout``."""
    if not isinstance(options, dict):
        return False
    known = {*CLIENT["properties"], "host"}
    return any((canonical(key) in known and key not in known) or has_other_spelling(options[key]) for key in options)


@settings(max_examples=300, deadline=None)
@given(schema_cases.ANYTHING)
def test_what_the_loader_accepts_the_schema_accepts(options):
    assume(not has_other_spelling(options))
    assert schema_accepts(options) or not loader_accepts(options)


ACCEPTED_BY_SCHEMA_ALONE = {
    "rules between options": {"client": {"auth": {"username": "u"}}},
    "rules between hosts": {"client": {"hosts": ["http://a", "https://b"]}},
    "tls for hosts without it": {"client": {"hosts": "http://a", "tls": {"ca": pems.CERT}}},
    "files that must exist": {"client": {"auth": {"username": "u", "password": {"file": "/no/such"}}}},
    "certificates": {"client": {"hosts": "https://a", "tls": {"ca": "no.pem"}}},
    "ports": {"client": {"hosts": "a:99999"}},
    "parts of a URL": {"client": "etcd://h?timeot=1"},
    "imports": {"client": {"client_class": "no_such:Class"}},
    "interpolations": {"client": {"timeout": "${x}"}},
    "what they resolve to": {"client": {"timeout": "${etcd.client.namespace}", "namespace": "a"}},
    "missing values": {"client": {"namespace": "???"}},
    "floats in place of whole numbers": {"client": {"retry": {"attempts": 3.0}}},
    "parts of seconds": {"service_discovery": {"ttl": "1500ms"}},
    "not a number": {"client": {"timeout": float("nan")}},
    "a NUL in a path": {"config_center": {"fallback": "a\0"}},
}
ACCEPTED_BY_LOADER_ALONE = {
    "other capitals": {"client": {"Timeout": 1}},
    "defaults that no client has": {"default": {"hosts": {}}},
    "digits of other scripts": {"client": {"timeout": "٣s"}},
}


@pytest.mark.parametrize("options", ACCEPTED_BY_SCHEMA_ALONE.values(), ids=ACCEPTED_BY_SCHEMA_ALONE)
def test_what_a_schema_cannot_say_the_loader_checks(options):
    assert schema_accepts(options)
    assert not loader_accepts(options)


@pytest.mark.parametrize("options", ACCEPTED_BY_LOADER_ALONE.values(), ids=ACCEPTED_BY_LOADER_ALONE)
def test_what_the_loader_allows_beyond_the_schema(options):
    assert not schema_accepts(options)
    assert loader_accepts(options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("${base}", True),
        (None, True),
        ({"client": "${base}", "default": "${base}", "clients": {"a": "${base}", "b": None}}, True),
        ({"client": {"hosts": ["${x}"], "retry": "${x}", "share": "${x}", "timeout": "${x}"}}, True),
        ({"client": {"customClientClass": "a:B", "credentials": None, "dialTimeout": 1}, "priority": {}}, True),
        ({"client": {"hosts": "a", "host": "b"}}, False),
        ({"client": {"dial_timeout": 1, "dialTimeout": 1}}, False),
        ({"client_priority": {}, "priority": {}}, False),
        ({"clients": ["a"]}, False),
        ("etcd://h", False),
        ([], False),
    ],
)
def test_interpolations_null_and_other_spellings(options, expected):
    assert schema_accepts(options) is expected


def test_every_option_of_a_client_is_there_with_its_default_and_what_it_means():
    assert [*CLIENT["properties"]] == [field.name for field in attrs.fields(ClientOptions)]
    assert CLIENT["properties"]["dial_timeout"]["default"] == 2.0
    assert CLIENT["properties"]["hosts"]["default"] == ["http://127.0.0.1:2379"]
    assert CLIENT["properties"]["sync"]["description"].startswith("how often to update the hosts")
    assert "Raises" not in str(CLIENT)
    assert "default" not in CLIENT["properties"]["retry"]


@pytest.mark.parametrize(
    ("key", "document"), [("app.etcd", {"app": {"etcd": {"client": 5}}}), ("", {"client": 5}), ("x", {"x": 5})]
)
def test_the_section_may_be_elsewhere(key, document):
    found = Draft7Validator(config_schema(key))
    assert not found.is_valid(document)
    assert found.is_valid({"other": 5}) is bool(key)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timeout", ["timeout"]),
        ("dial_timeout", ["dial_timeout", "dialTimeout"]),
        ("hosts", ["hosts", "host"]),
        ("client_class", ["client_class", "clientClass", "customClientClass", "custom_client_class"]),
    ],
)
def test_the_spellings_of_an_option(name, expected):
    assert json_schema.spellings(name) == expected
    assert {canonical(each) for each in expected} == {name}
