"""The groups of options inside ``ClientOptions``: authentication, TLS, retries, keepalive."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from . import credentials, fields, numbers, pem
from .credentials import Function
from .secret import Secret
from .structure import Checks, Present, agree, named

# How others switch the verification of the server off.
UNVERIFIED = (
    "allow_unauthorized",
    "check_hostname",
    "insecure",
    "insecure_skip_verify",
    "reject_unauthorized",
    "skip_verify",
    "ssl_verify",
    "verify",
    "verify_ssl",
)
VERIFIED = (
    "the server is always verified; set ca to the certificate of its CA (or to its own, if that is self-signed), "
    "and server_name if the certificate has another name than the host"
)


def hidden(value: object) -> str:
    """Return a secret as ``repr`` shows it."""
    return "None" if value is None else "***"


def file_only(value: object) -> str:
    """Return a PEM option as ``repr`` shows it: a path, but never a key."""
    return "***" if isinstance(value, (str, Secret)) and pem.is_text(value) else repr(value)


def half(present: Present, one: str, other: str) -> str:
    """Return the problem if only one of two options is set."""
    if (one in present) == (other in present):
        return ""
    found, missing = (one, other) if one in present else (other, one)
    return f"{found} is set without {missing}; set both or neither"


UNUSED = "timeout is set without username and password, the request for whose token it bounds"


def mixed_auth(auth: Auth, present: Present) -> str:
    """Return the problem unless username and password are both set, or a token alone."""
    names = " and ".join(name for name in ("username", "password") if name in present)
    if "token" not in present or not names:
        unused = "timeout" in present and not names and auth.timeout is not None
        return half(present, "username", "password") or (UNUSED if unused else "")
    return f"token cannot be combined with {names}; set one or the other (null removes a value of a lower layer)"


def half_pair(tls: TLS, present: Present) -> str:
    """Return the problem if a certificate has no key, or a key no certificate."""
    del tls
    return half(present, "cert", "key")


def foreign_key(tls: TLS, present: Present) -> str:
    """Return the problem if the private key cannot be used with the certificate."""
    del present
    return pem.pair_problem(tls.cert, tls.key) if tls.cert is not None and tls.key is not None else ""


def crossed(retry: Retry, present: Present) -> str:
    """Return the problem if the first pause is longer than the longest one."""
    del present
    return "initial exceeds maximum" if retry.initial > retry.maximum else ""


@frozen(field_transformer=named)
class Auth:
    """How the client authenticates: with a username and a password, or with a token that it already has.

    ``username``: the user's name, with ``password``. ``password``: the user's password. ``token``: a token in the place
    of both; one that is text is sent unchanged, and if the server refuses it, the call fails. ``timeout``: seconds
    for each request for a token; None means the time of the call that needs it. With several hosts, one that does not
    answer in time is left for the next one.

    Username, password and token may be a function, in asyncio also an ``async`` one, or ``{file: path}``. The functions
    of username and password are called, and their files read, each time a token is fetched; those of a token if there
    is none yet, or after the server refused the last one. Password and token are kept as a ``Secret``.
    """

    username: str | Function | None = field(default=None, converter=credentials.username)
    password: Secret | Function | None = field(default=None, converter=credentials.password, repr=hidden)
    token: Secret | Function | None = field(default=None, converter=credentials.token, repr=hidden)

    timeout: float | None = field(default=None, converter=numbers.interval)

    CREDENTIALS: ClassVar[bool] = True
    CHECKS: ClassVar[Checks] = ((frozenset(), mixed_auth),)
    INSIDE: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("login", "name", "user", "user_name"), "username: ..."),
        **dict.fromkeys(("pass", "passwd", "pwd"), "password: ..."),
        **{f"{name}_file": f"{name}: {{file: ...}}" for name in ("username", "password", "token")},
    }

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen(field_transformer=named)
class TLS:
    """How the server is verified and how the client identifies itself: paths of PEM files, or PEM text.

    ``ca``: the authorities that the server's certificate must come from; None means the system's. ``cert``: the
    client's certificate, with ``key``. ``key``: the private key of ``cert``. ``server_name``: the name that the
    server's certificate must have; None means the host's.

    The files are checked now: what they hold, and that the key belongs to the certificate.
    """

    ca: str | Secret | None = field(default=None, converter=pem.authority, repr=file_only)
    cert: str | Secret | None = field(default=None, converter=pem.certificate, repr=file_only)
    key: str | Secret | None = field(default=None, converter=pem.private_key, repr=file_only)
    server_name: str | None = field(default=None, converter=fields.name)

    CHECKS: ClassVar[Checks] = ((frozenset(), half_pair), (frozenset({"cert", "key"}), foreign_key))
    INSIDE: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("ca_cert", "ca_file", "cacert", "cafile", "root_certificate", "trusted_ca_file"), "ca: ..."),
        **dict.fromkeys(("cert_chain", "cert_file", "certfile", "certificate", "client_cert"), "cert: ..."),
        "cert_cert": "cert: ...",  # as python-etcd3 has it
        **dict.fromkeys(("cert_key", "client_key", "key_file", "keyfile", "private_key"), "key: ..."),
        **dict.fromkeys(("hostname", "server_hostname", "servername"), "server_name: ..."),
    }
    ADVICE: ClassVar[dict[str, str]] = dict.fromkeys(UNVERIFIED, VERIFIED)

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen(field_transformer=named)
class Retry:
    """How many attempts a call has at most, and the pauses between them in seconds: they double, with jitter.

    ``attempts``: of one call at most, within its ``timeout``. ``initial``: the first pause. ``maximum``: the longest
    pause.
    """

    attempts: int = field(default=10, converter=numbers.count)
    initial: float = field(default=0.025, converter=numbers.seconds)
    maximum: float = field(default=1.0, converter=numbers.seconds)

    CHECKS: ClassVar[Checks] = ((frozenset({"initial", "maximum"}), crossed),)

    def __attrs_post_init__(self) -> None:
        agree(self)


@frozen(field_transformer=named)
class Keepalive:
    """Pings that find a dead connection, in seconds.

    ``time``: without activity, after which a ping is sent. ``timeout``: for its answer; without one in time the
    connection is dead.
    """

    time: float = field(default=10.0, converter=numbers.seconds)
    timeout: float = field(default=5.0, converter=numbers.seconds)
