"""What the values of options look like in JSON Schema, by the converter that reads them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from etcd_factory.options import credentials, factory, fields, hosts, numbers, pem, proxy, services
from etcd_factory.options.numbers import UNIT
from etcd_factory.options.settings import INTS

Schema = dict[str, Any]

NULL: Schema = {"type": "null"}  # it removes the value of a lower layer
INTERPOLATION: Schema = {"type": "string", "pattern": r"\$\{"}
TEXT: Schema = {"type": "string", "minLength": 1}
SWITCH: Schema = {"type": "boolean"}
DURATION: Schema = {
    "type": "string",
    "pattern": rf"^\s*(?=.*[1-9])([0-9]+(\.[0-9]+)?({UNIT}))+\s*$",
    "description": "A duration: 5s, 500ms, 1m30s.",
}
SECONDS: list[Schema] = [{"type": "number", "exclusiveMinimum": 0, "maximum": sys.float_info.max}, DURATION]
HOST: Schema = {"type": "string", "pattern": r"^\s*((https?|unix|srv)://[^@]+|(?!.*://)[^@]+)$"}
FILE: Schema = {
    "type": "object",
    "properties": {"file": TEXT},
    "required": ["file"],
    "additionalProperties": False,
    "description": "The path of a file with the secret, as Docker and Kubernetes mount them.",
}
TOKEN: Schema = {"type": "string", "pattern": r"^[!-~]([ -~]*[!-~])?$"}
FORMAT: Schema = {"enum": [*services.FORMATS]}
SETTING: list[Schema] = [
    {"type": "integer", "minimum": INTS[0], "maximum": INTS[-1]},
    {"type": "string"},
    SWITCH,
]


def any_case(words: Iterable[str]) -> str:
    """Return a pattern for words in any case; JSON Schema's have no flags."""
    return rf"^({'|'.join(''.join(f'[{c}{c.upper()}]' for c in word) for word in words)})$"


# Converters of single values. Null and interpolations are allowed for all of them.
VALUES: dict[Callable[..., Any], list[Schema]] = {
    credentials.password: [TEXT, FILE],
    credentials.token: [TOKEN, FILE],
    credentials.username: [TEXT, FILE],
    factory.priority: [{"enum": [*factory.PRIORITIES]}, {"type": "string", "pattern": any_case(factory.PRIORITIES)}],
    fields.batching: [{"enum": [False, *fields.BATCHING]}],
    fields.grpc_options: [{"type": "object", "additionalProperties": {"anyOf": SETTING}}],
    fields.imported: [{**TEXT, "description": "The import path of a class: package.module:Class."}],
    fields.name: [TEXT],
    fields.prefix: [{"type": "string"}],
    fields.switch: [SWITCH],
    fields.text: [TEXT],
    fields.transport: [{"enum": [*fields.TRANSPORTS]}],
    hosts.hosts: [HOST, {"type": "array", "items": {"anyOf": [HOST, INTERPOLATION]}, "minItems": 1}],
    numbers.count: [{"type": "integer", "minimum": 1}],
    numbers.interval: SECONDS,
    numbers.seconds: SECONDS,
    pem.authority: [TEXT],
    pem.certificate: [TEXT],
    pem.private_key: [TEXT],
    proxy.proxy: [{"type": "string", "pattern": r"^([hH][tT][tT][pP]://)?[^\s/?#]+:[0-9]+/*$"}],
    services.balancer: [{"enum": [*services.BALANCERS]}],
    services.form: [FORMAT],
    services.forms: [FORMAT, {"type": "array", "items": {"anyOf": [FORMAT, INTERPOLATION]}}],
    services.path: [TEXT],
    services.service: [
        {"type": "object", "properties": {name: {} for name in services.SERVICE_OPTIONS}, "additionalProperties": False}
    ],
    services.ttl: [{"type": "integer", "minimum": 1}, DURATION],
}
# What may stand for a mapping of a client's options.
CLIENTS = {factory.client, factory.client_or_none, factory.clients_of}
URL: Schema = {
    "type": "string",
    "pattern": r"^\s*[eE][tT][cC][dD][sS]?://",
    "description": "All options as one URL: etcd://user:password@h1:2379,h2:2379/namespace?timeout=5, or etcds://.",
}
