"""The reference of all options, made from their classes: ``python -m tests.support.options_page`` writes the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from etcd_factory.config.json_schema import OPTION, summary
from etcd_factory.options import client, credentials, factory, fields, hosts, numbers, pem, proxy, services
from etcd_factory.options.client import ClientOptions
from etcd_factory.options.factory import FactoryOptions
from etcd_factory.options.groups import TLS, Auth, Keepalive, Retry
from etcd_factory.options.names import ALIASES
from etcd_factory.options.schema import converters
from etcd_factory.options.services import ConfigCenterOptions, ServiceDiscovery
from etcd_factory.options.structure import default

PATH = Path(__file__).parents[2] / "docs" / "options.md"
ALL = "its options are also those of each of `etcd.clients`, and of `etcd.default`, which is for all."
START = """# Options

What a configuration may have below its section `etcd`: every option with its type, default and unit. Each may be null,
which means its default, and an interpolation (`${oc.env:NAME}`). A duration is a number of seconds, or text: `500ms` or
`1m30s`. `dial_timeout` may be written `dialTimeout`, and so may every other name. As an environment variable
`etcd.client.dial_timeout` is `ETCD_FACTORY__ETCD__CLIENT__DIAL_TIMEOUT`. [Configuration](configuration.md) shows where
all this is written.

This page is made from the option classes, as [etcd.schema.json](etcd.schema.json) is.
"""
# The heading of a class, where its options are, and what they are if the docstring is for Python alone.
SECTIONS: dict[type[Any], tuple[str, str, str]] = {
    FactoryOptions: ("The section etcd", "etcd", "All clients, and what is built on them."),
    ClientOptions: ("A client", "etcd.client", f"One client; {ALL}"),
    Auth: ("auth", "etcd.client.auth", ""),
    TLS: ("tls", "etcd.client.tls", ""),
    Retry: ("retry", "etcd.client.retry", ""),
    Keepalive: ("keepalive", "etcd.client.keepalive", ""),
    ServiceDiscovery: ("service_discovery", "etcd.service_discovery", "What `factory.registry()` uses."),
    ConfigCenterOptions: ("config_center", "etcd.config_center", "What `factory.config_center()` uses."),
}
DURATION, FILE, PEM = "duration", "text, or `{file: path}`", "path of a PEM file, or its text"


def words(values: Iterable[object]) -> str:
    """Return values as YAML has them."""
    return ", ".join(f"`{str(one).lower() if isinstance(one, bool) else one}`" for one in values)


# What the converter of an option reads, and its unit.
TYPES: dict[Callable[..., Any], tuple[str, str]] = {
    client.auth_of: ("[auth](#auth)", ""),
    client.keepalive_of: ("[keepalive](#keepalive)", ""),
    client.retry_of: ("[retry](#retry)", ""),
    client.tls_of: ("[tls](#tls)", ""),
    credentials.password: (FILE, ""),
    credentials.token: (FILE, ""),
    credentials.username: (FILE, ""),
    factory.center_of: ("[config_center](#config_center)", ""),
    factory.client: ("[a client](#a-client), or its URL", ""),
    factory.client_or_none: ("[a client](#a-client), or its URL", ""),
    factory.clients_of: ("[clients](#a-client), or their URLs, by name", ""),
    factory.discovery_of: ("[service_discovery](#service_discovery)", ""),
    factory.priorities_of: (words(factory.PRIORITIES) + ", by name", ""),
    fields.batching: (words(fields.BATCHING), ""),
    fields.grpc_options: ("mapping of numbers, text and booleans", ""),
    fields.imported: ("import path", ""),
    fields.name: ("text", ""),
    fields.prefix: ("text", ""),
    fields.switch: ("boolean", ""),
    fields.text: ("text", ""),
    fields.transport: (words(fields.TRANSPORTS), ""),
    hosts.hosts: ("host, or a list of hosts", ""),
    numbers.count: ("whole number above 0", "attempts"),
    numbers.interval: (DURATION, "seconds"),
    numbers.seconds: (DURATION, "seconds"),
    pem.authority: (PEM, ""),
    pem.certificate: (PEM, ""),
    pem.private_key: (PEM, ""),
    proxy.proxy: ("`http://host:port`", ""),
    services.balancer: (words(services.BALANCERS), ""),
    services.form: (words(services.FORMATS), ""),
    services.forms: ("a format, or a list of formats", ""),
    services.path: ("path", ""),
    services.service: ("mapping of " + words(services.SERVICE_OPTIONS), ""),
    services.ttl: ("duration in whole seconds", "seconds"),
}
GROUPS = (Auth, TLS, Retry, Keepalive, ServiceDiscovery, ConfigCenterOptions)
OPEN, CLOSE = '<div class="options" markdown>\n\n', "\n</div>\n"  # the style sheet makes cards of it on phones
HEAD = "| option | type | default | unit | meaning |\n|---|---|---|---|---|\n"


def generated() -> str:
    """Return the text of the page."""
    return START + "".join(section(cls, *place) for cls, place in SECTIONS.items())


def section(cls: type[Any], title: str, place: str, intro: str) -> str:
    """Return the table of the options of one class."""
    table = HEAD + "".join(rows(cls))
    return f"\n## {title}\n\nBelow `{place}`. {intro or summary(cls)}\n\n{OPEN}{table}{CLOSE}"


def rows(cls: type[Any]) -> Iterator[str]:
    """Yield the row of each option of a class."""
    texts = dict(OPTION.findall(cls.__doc__ or ""))
    for field in attrs.fields(cls):
        kind, unit = TYPES[converters(cls)[field.name]]
        cells = (f"`{field.name}`", kind, shown(default(field)), unit, meaning(texts[field.name]) + others(field.name))
        yield f"| {' | '.join(cells)} |\n"


def meaning(text: str) -> str:
    """Return what a docstring says of an option as a sentence, in the words of configuration files."""
    sentence = " ".join(text.replace("``", "`").split()).rstrip(";.")
    return f"{sentence[0].upper()}{sentence[1:]}.".replace("None", "null").replace("False", "`false`")


def others(name: str) -> str:
    """Return a sentence with the other names of an option, empty if it has none but camelCase."""
    found = [f"`{alias}`" for alias, canonical in ALIASES.items() if canonical == name]
    return f" Also {', '.join(found)}." if found else ""


def shown(value: object) -> str:
    """Return a default as YAML has it; nothing if there is none."""
    if value is None or value in ("", (), {}) or isinstance(value, GROUPS):
        return ""
    return words(value if isinstance(value, tuple) else [value])


if __name__ == "__main__":
    PATH.write_text(generated())
