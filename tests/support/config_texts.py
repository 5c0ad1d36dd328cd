"""Configurations of any shape with a secret in them, and their texts in each format."""

from __future__ import annotations

import json

import yaml
from hypothesis import strategies as st

SECRET = "hunter2hunter2"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"

NAMES = st.sampled_from(
    ["hosts", "timeout", "namespace", "tls", "auth", "retry", "keepalive", "sync", "username", "ca", "file", "x", "0"]
)
WORDS = st.sampled_from(
    ["a:1", "http://a", "5s", "-1", "", "true", "nan", "${x}", "${oc.env:NO_SUCH}", "${", "\\", "é"]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | WORDS | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
# A secret as its owner writes it, or mistakes it: below its key, in an interpolation, a list, or a mapping.
SECRETS = st.sampled_from(
    [
        SECRET,
        [SECRET],
        {"x": SECRET},
        {SECRET: 1},
        f"${{{SECRET}}}",
        f"${{oc.env:{SECRET}}}",
        f"${{{SECRET}",
        f"{SECRET}${{x}}",
        PEM,
    ]
)
PASSWORD_NAMES = st.sampled_from(["password", "token", "pasword", "pwd", "apiKey", "API_KEY", "client-secret"])
AUTH = st.one_of(
    st.sampled_from([SECRET, [SECRET], f"root:{SECRET}", {SECRET: 1}, {SECRET: {SECRET: SECRET}}]),
    st.builds(lambda name, secret, other: {**other, name: secret}, PASSWORD_NAMES, SECRETS, st.just({"username": "u"})),
    st.builds(lambda name, secret: {name: secret}, PASSWORD_NAMES, SECRETS),
)
TLS = st.sampled_from([{"key": PEM}, {"key": SECRET}, SECRET, {"ca": "no.pem", "key": PEM}, {"key_text": SECRET}])
HOSTS = st.sampled_from([f"http://root:{SECRET}@a:1", f"root:{SECRET}@a", [f"https://:{SECRET}@a"], {"x": SECRET}])
PLANTED = st.one_of(
    st.builds(lambda auth: {"auth": auth}, AUTH),
    st.builds(lambda tls: {"tls": tls}, TLS),
    st.builds(lambda hosts: {"hosts": hosts}, HOSTS),
    st.builds(lambda name, secret: {name: secret}, PASSWORD_NAMES, st.just(SECRET)),
)
OPTIONS = st.builds(lambda other, planted: {**other, **planted}, st.dictionaries(NAMES, VALUES, max_size=3), PLANTED)
SECTIONS = st.one_of(
    st.builds(lambda options: {"client": options}, OPTIONS),
    st.builds(lambda options: {"default": options}, OPTIONS),
    st.builds(lambda name, options: {"clients": {name: options}}, st.sampled_from(["a", "token", "b-c"]), OPTIONS),
    st.builds(lambda options, other: {"client": options, **other}, OPTIONS, st.dictionaries(NAMES, VALUES, max_size=2)),
)
TREES = st.builds(
    lambda section, other: {**other, "etcd": section}, SECTIONS, st.dictionaries(NAMES, VALUES, max_size=2)
)


def toml(value):
    """Return a value as TOML, in one line; what TOML does not have is left out."""
    if isinstance(value, dict):
        inner = [f"{json.dumps(key)} = {toml(each)}" for key, each in value.items() if each is not None]
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(toml(each) for each in value if each is not None)}]"
    return json.dumps(value) if isinstance(value, (str, bool)) else repr(value)


def lines(tree, write):
    """Return the entries of a tree, one a line."""
    return "".join(write(key, value) for key, value in tree.items() if value is not None)


def is_plain(key):
    """Whether a key can be a name in Python."""
    return key.isidentifier() and not key.startswith("_")


FORMATS = {
    "yaml": lambda tree: yaml.safe_dump(tree, allow_unicode=True),
    "json": json.dumps,
    "toml": lambda tree: lines(tree, lambda key, value: f"{json.dumps(key)} = {toml(value)}\n"),
    "py": lambda tree: (
        "from math import inf, nan\n" + lines(tree, lambda key, value: f"{key} = {value!r}\n" if is_plain(key) else "")
    ),
}
