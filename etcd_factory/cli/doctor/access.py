"""Checks of what a client may do: its credentials, its permissions, its namespace."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from etcd_factory.errors import (
    AuthenticationFailedError,
    EtcdError,
    EtcdFactoryError,
    InvalidAuthTokenError,
    PermissionDeniedError,
    suggestion,
)
from etcd_factory.model.ranges import prefix_range
from etcd_factory.options import ClientOptions
from etcd_factory.service import ETCDService

from .finding import Finding, failed, ok, remedy, warning

MOST = 10  # beginnings of keys that are listed
REST = b"\0"  # the end of a range that goes on to the last key

PASSWORD = "check auth.username and auth.password of this client; the password is looked up in the source that `config explain` names"  # noqa: E501, S105
NEEDED = "set auth: {username, password} of this client, or check its token"
OFF = "turn it on, `etcdctl auth enable`, or remove auth of this client"
SLOW = "look at the leader and at the disks of the members; if it is only slow, raise timeout"


def access(etcd: ETCDService) -> Iterator[Finding]:
    """Yield whether the credentials are right, and what the client may read."""
    try:
        keys = etcd.get_all().prefix("").count()
    except PermissionDeniedError:
        yield authenticated(etcd)
        yield forbidden(etcd.options)
    except EtcdError as error:
        yield refused(error, etcd.options)
    except EtcdFactoryError as error:  # a password that cannot be read
        yield failed("credentials", str(error), "correct it where it is set; `config explain` says where")
    else:
        yield authenticated(etcd)
        yield ok("permission", "the client may read its namespace")
        yield namespace(etcd.options, keys)


def user_of(options: ClientOptions) -> str:
    """Return who the client is, for a message."""
    if options.auth is None:
        return "a client without credentials"
    name = options.auth.username
    return f"the user {name!r}" if isinstance(name, str) else "the client's user"


def authenticated(etcd: ETCDService) -> Finding:
    """Return that the credentials are accepted, or none are needed."""
    options = etcd.options
    if options.auth and is_open(etcd):
        return warning("credentials", "the server has authentication off: the password was not checked", OFF)
    return ok("credentials", f"accepted: {user_of(options)}" if options.auth else "none are set, and none are required")


def is_open(etcd: ETCDService) -> bool:
    """Whether the server says that it requires no credentials; etcd before 3.5 does not."""
    try:
        return not etcd.auth.status().enabled
    except EtcdError:
        return False


def refused(error: EtcdError, options: ClientOptions) -> Finding:
    """Return why a read failed, if it was not for lack of a permission."""
    if isinstance(error, AuthenticationFailedError):
        return failed("credentials", f"the name or the password of {user_of(options)} is wrong", PASSWORD)
    if isinstance(error, InvalidAuthTokenError):
        return failed("credentials", f"etcd requires credentials and refuses {user_of(options)}", NEEDED)
    return failed("read", f"a linearizable read fails: {error.message or error}", remedy(error, SLOW))


def forbidden(options: ClientOptions) -> Finding:
    """Return that the client may not read its namespace."""
    prefix = text(options)
    message = (
        f"{user_of(options)} has no permission to read {prefix!r}"
        if prefix
        else f"{user_of(options)} may not read all keys"
    )
    advice = f"grant it: etcdctl role grant-permission ROLE --prefix readwrite {prefix!r}; or correct namespace"
    return failed("permission", message, advice)


def namespace(options: ClientOptions, keys: int) -> Finding:
    """Return whether there are keys in the client's namespace: none often means that it is written wrongly."""
    prefix = text(options)
    if keys or not prefix:
        return ok("namespace", f"{keys} keys in {prefix!r}" if prefix else f"none; {keys} keys")
    known = beginnings(options)
    listed = ", ".join(map(repr, known))
    found = f"; keys begin with {listed}{suggestion(prefix, known)}" if known else ""
    return warning("namespace", f"no key begins with {prefix!r}", f"is the option namespace right?{found}")


def text(options: ClientOptions) -> str:
    """Return a client's namespace as text."""
    prefix = options.namespace
    return prefix.decode(errors="backslashreplace") if isinstance(prefix, bytes) else prefix


def beginnings(options: ClientOptions) -> list[str]:
    """Return what keys of the cluster begin with, up to the first slash; nothing if the client may not see it."""
    found: list[str] = []
    try:
        with ETCDService(attrs.evolve(options, namespace="")) as etcd:
            start = b"\0"
            while len(found) < MOST and (keys := etcd.get_all().range(start, REST).limit(1).key_bytes()):
                head, slash, _ = keys[0].partition(b"/")
                found.append((head + slash).decode(errors="backslashreplace"))
                start = prefix_range(head + slash)[1] if slash else keys[0] + b"\0"
                if start == REST:
                    break
    except EtcdFactoryError:
        return found
    return found
