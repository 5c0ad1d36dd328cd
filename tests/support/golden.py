"""Registrations as other systems write them: ``golden/registry``, and the same instances here."""

from __future__ import annotations

from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden" / "registry"

LEASE = 7587864068988009477  # of go-zero's golden keys
AT = {"host": "10.0.0.1", "port": 8080}
IPV6 = {"host": "::1", "port": 8080}
TEXTS = {"zone": "x<y>&z", "é": "日本\u2028\u2029\x7f", "b": '"quoted" \\ tab\t line\n bell\x07'}
EMPTY = {"a": ""}
NUMBERS = {
    "int": 7,
    "half": 0.5,
    "whole": 100000.0,
    "large": 1e20,
    "larger": 1.5e21,
    "small": 0.000001,
    "smaller": 1.25e-7,
    "negative": -3.25,
    "digits": 123456789012345.67,
    "long": 1.2345678901234567e20,
    "zero": 0.0,
}
NESTED = {"b": {"z": None, "a": [True, "<", 1]}, "a": {}, "c": []}
ENDPOINTS = ["http://10.0.0.1:8000?isSecure=false&x=1", "grpc://10.0.0.1:8080?isSecure=false"]

# What ``register`` is given for each line of the golden files.
INSTANCES = {
    "naming": {
        "plain": AT,
        "texts": {**AT, "metadata": TEXTS | EMPTY},
        "ipv6": IPV6,
        "numbers": {**AT, "metadata": NUMBERS},
        "nested": {**AT, "metadata": NESTED},
        "any": {**AT, "metadata": {"Metadata": "blue"}},
    },
    "kratos": {
        "plain": AT,
        "texts": {**AT, "metadata": TEXTS | EMPTY},
        "ipv6": IPV6,
        "version": {**AT, "metadata": {"zone": "x", "version": "v1.2"}},
        "endpoints": {**AT, "metadata": {"endpoints": ENDPOINTS}},
    },
    "kitex": {
        "plain": AT,
        "texts": {**AT, "metadata": TEXTS},
        "ipv6": IPV6,
        "weight": {**AT, "weight": 10},
        "tags": {**AT, "metadata": {"zone": "x"}, "tags": ("blue", "web")},
    },
    "go_zero": {"plain": AT, "ipv6": IPV6},
    "midway": {
        "plain": AT,
        "texts": {**AT, "metadata": TEXTS | EMPTY},
        "ipv6": IPV6,
        "numbers": {**AT, "metadata": NUMBERS},
        "indices": {**AT, "metadata": {"b": 1, "10": 2, "2": 3, "02": 4}},
        "tags": {**AT, "tags": ("web", "blue")},
        "paused": {**AT, "status": "paused"},
    },
}
NAMES = {"naming": "a", "kratos": "a", "kitex": None, "go_zero": None, "midway": "a"}  # ids that are registered
TTLS = {"etcd_factory": 10, "naming": 10, "kratos": 15, "go_zero": 10, "kitex": 60, "midway": 30}
CASES = [(form, case) for form, cases in INSTANCES.items() for case in cases]


def golden(form):
    """Return key and value by the names of the lines of a golden file."""
    lines = (GOLDEN / f"{form}.tsv").read_bytes().split(b"\n")[:-1]
    rows = [line.split(b"\t") for line in lines]
    return {name.decode(): (key.decode(), value) for name, key, value in rows}
