"""A client's options as one URL: ``etcd://user:password@h1:2379,h2:2379/namespace?timeout=5``; ``etcds://`` uses TLS.

No error shows any part of the URL before its ``@``, nor a value. A password in it is written as in any URL: ``@``,
``/``, ``?``, ``#``, ``%`` and what interpolations begin with, ``${``, as ``%40``, ``%2F``, ``%3F``, ``%23``, ``%25``,
``%24{``.
"""

from __future__ import annotations

import re
from typing import cast
from urllib.parse import unquote

from etcd_factory.errors import ConfigError

from .fields import Values
from .hosts import url as host_url
from .kinds import is_mapping
from .models import unmodeled
from .names import canonical
from .numbers import Resolved
from .secret import SecretText, is_secret, revealed

SCHEMES = {"etcd": "http", "etcds": "https"}
SCHEME = re.compile(rf"\s*(?P<scheme>{'|'.join(SCHEMES)})://", re.IGNORECASE)
FORM = "write etcd://user:password@host:port,host:port/namespace?timeout=5, or etcds:// for TLS"
# A character that ends a name or a password too early, and how to write it.
QUOTE = "write @ / ? # % in it as %40 %2F %3F %23 %25"
NOT_QUOTED = re.compile(r"%(?![0-9A-Fa-f]{2})")
DEEPEST = 3  # auth.password.file
ELSEWHERE = {
    "hosts": "the hosts stand before the path",
    "namespace": "the namespace is the path",
    "client_class": "a URL names no code; write it in a mapping, beside hosts",
    "grpc_options": "write them in a mapping, beside hosts",
}


def is_url(value: object) -> bool:
    """Whether a value is the URL of a client, by its scheme."""
    return isinstance(value, str) and SCHEME.match(value) is not None


def unfolded(value: object) -> object:
    """Return the mapping that a URL or a pydantic model stands for; anything else unchanged."""
    found = unmodeled(revealed(value))
    return url_options(found) if is_url(found) else found if is_mapping(found) else value


def url_options(url: str) -> Values:
    """Return the options that a URL stands for, as a mapping.

    The path, without its first ``/``, is the namespace. The query has other options, those of groups with dots:
    ``?timeout=5&retry.attempts=3&tls.ca=/etc/ca.pem&auth.password.file=/run/secrets/etcd``. Raises ``ConfigError``.
    """
    url = SecretText(url.strip())
    found = SCHEME.match(url)
    if found is None:
        raise ConfigError(f"expected the URL of a client; {FORM}")
    account, at, rest = map(SecretText, url[found.end() :].rpartition("@"))
    check(account, rest)
    address, _, query = map(SecretText, rest.partition("?"))
    hosts, _, namespace = map(SecretText, address.partition("/"))
    options = query_options(query)
    if at:
        options["auth"] = {**credentials(account), **beside(options)}
    return {
        "hosts": hosts_of(hosts, SCHEMES[found["scheme"].lower()]),
        **({"namespace": text(namespace, "namespace")} if namespace else {}),
        **options,
    }


def check(account: str, rest: str) -> None:
    """Raise ``ConfigError`` if a URL cannot be cut into its parts without doubt."""
    if any(mark in account for mark in "/?#"):
        raise ConfigError(f"the part before @ is not user:password; {QUOTE}")
    if "#" in rest:
        raise ConfigError("a URL of a client has no fragment; write # as %23")
    if any(c.isspace() or not c.isprintable() for c in account + rest):
        raise ConfigError("a URL has no spaces and control characters; write a space as %20")


def credentials(account: str) -> Values:
    """Return the username and the password before the ``@``."""
    user, colon, password = map(SecretText, account.partition(":"))
    found: Values = {"username": text(user, "username")} if user else {}
    return {**found, "password": SecretText(text(password, "password"))} if colon else found


def beside(options: Values) -> Values:
    """Return what the query says of ``auth``, beside the username and the password."""
    inside: Values = options.get("auth", {})
    for name in ("username", "password", "token"):
        if name in inside and not (name == "password" and isinstance(inside[name], dict)):
            raise ConfigError(f"auth.{name} cannot be set beside user:password@; keep one of them")
    return inside


def hosts_of(written: str, scheme: str) -> list[str]:
    """Return the hosts as URLs. The text of one that is wrong is not shown: it may be a password without its ``@``."""
    found: list[str] = []
    for number, host in enumerate(written.split(","), 1):
        try:
            found.append(host_url(f"{scheme}://{host}" if not host.endswith(":") else ""))  # etcd://http://h
        except ConfigError:
            raise ConfigError(f"host {number} of the URL is not host:port; {FORM}") from None
    return found


def query_options(query: str) -> Values:
    """Return the options of a query as nested mappings of texts; an empty text is None, as of a variable."""
    options: Values = {}
    for number, part in enumerate(map(SecretText, filter(None, query.split("&"))), 1):
        name, equals, value = map(SecretText, part.partition("="))
        if not equals:
            raise ConfigError(f"option {number} of the URL's query is not name=value")
        put(options, names(text(name, "query")), SecretText(text(value, "query")))
    return options


def names(name: str) -> list[str]:
    """Return the names of an option in its groups. Raises ``ConfigError`` for what a query cannot have."""
    found = name.split(".")
    first = canonical(found[0])
    if first in ELSEWHERE:
        raise ConfigError(f"{first} cannot be in the query of a URL: {ELSEWHERE[first]}")
    if len(found) > DEEPEST or not all(found):
        raise ConfigError("a name in the URL's query is not that of an option, as timeout, tls.ca, auth.password.file")
    return found


def put(options: Values, keys: list[str], value: str) -> None:
    """Set an option of a query. Raises ``ConfigError`` if it is set already."""
    for key in keys[:-1]:
        inside: object = options.setdefault(key, {})
        if not is_mapping(inside):
            raise ConfigError("an option and a part of it are both in the URL's query")
        options = cast("Values", inside)
    if keys[-1] in options:
        raise ConfigError("an option is twice in the URL's query")
    kind = SecretText if is_secret(keys[-1]) else Resolved
    options[keys[-1]] = kind(value) if value else None


def text(written: str, part: str) -> str:
    """Return a part of a URL without its quoting. Raises ``ConfigError``, which does not show it."""
    if NOT_QUOTED.search(written):
        raise ConfigError(f"the {part} of the URL has a % that quotes nothing; write it as %25")
    try:
        return str(unquote(written, errors="strict"))
    except UnicodeDecodeError:
        raise ConfigError(f"the {part} of the URL is not UTF-8") from None
