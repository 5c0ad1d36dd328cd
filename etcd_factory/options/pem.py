"""Checks of certificates and keys when a client is made: gRPC reports a wrong file as a failed handshake, if at all."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache

from etcd_factory.errors import ConfigError

from .fields import PEMText, plain_text
from .files import content, expanded
from .secret import PEM, Secret, reveal

BEGIN = "-----BEGIN"
BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
CERTIFICATE, KEY = "a certificate", "a private key"
DER = (b"\x30\x80", b"\x30\x81", b"\x30\x82", b"\x30\x83")  # how a binary certificate, key or PKCS #12 file begins
ENCRYPTION = ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED")
ENCRYPTED = "is encrypted, and a passphrase cannot be set; decrypt it: openssl pkey -in KEY -out PLAIN_KEY"
FOREIGN = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
WEAK = ("TOO_SMALL", "TOO_WEAK")  # OpenSSL's opinion, which BoringSSL, that gRPC uses, need not share
BASE64 = re.compile(r"[\w+/=-]{40,}")
LONGEST = 255  # characters of a path that an error shows; more is the text of a key

Stamp = tuple[int, int, int]


def authority(value: PEMText | None) -> str | Secret | None:
    """Check PEM text with certificates, or the path of a file with some, or None."""
    return checked(value, CERTIFICATE, together="; concatenate the certificates in one file")


def certificate(value: PEMText | None) -> str | Secret | None:
    """Check PEM text with a certificate, or the path of a file with one, or None."""
    return checked(value, CERTIFICATE)


def private_key(value: PEMText | None) -> str | Secret | None:
    """Check PEM text with a private key that is not encrypted, or the path of a file with one, or None."""
    return checked(value, KEY)


def checked(value: PEMText | None, wanted: str, together: str = "") -> str | Secret | None:
    """Check PEM text, or the path of a file with it, or None. Text with a private key becomes a secret."""
    if value is None:
        return None
    given = plain_text(os.fspath(value) if isinstance(value, os.PathLike) else value)
    if BEGIN in given:
        raise_for(problem(given, wanted), "the text")
        return Secret(given) if PEM in given else given
    path = expanded(given)
    if os.path.isdir(path):
        raise ConfigError(f"expected a file, got the directory {path}{together}")
    if not os.path.exists(path):
        raise ConfigError(f"expected PEM text or a file path; no such file: {shown(path, wanted)}")
    raise_for(file_problem(path, stamp(path), wanted), path)
    return path


def raise_for(found: str, name: str) -> None:
    """Raise ``ConfigError`` for a problem, if there is one."""
    if found:
        raise ConfigError(f"{name} {found}")


def shown(path: str, wanted: str = KEY) -> str:
    """Return a path, but not what is the text of a key without its first line."""
    is_shown = is_path(path) if wanted == KEY else not is_key(path)
    return path if is_shown else f"{len(path)} characters without {BEGIN}"


def is_path(text: str) -> bool:
    """Whether a text is the path of a file, by its form: it has a directory or an extension."""
    return not is_key(text) and any(mark in text for mark in ("/", "\\", "."))


def is_key(text: str) -> bool:
    """Whether a text is too long for a path, or looks like a part of a key: at least two thirds of a line in base64."""
    is_long = len(text) > LONGEST or not text.isprintable() or "PRIVATE KEY" in text
    return is_long or any(is_mixed(run[0]) for run in BASE64.finditer(text))


def is_mixed(text: str) -> bool:
    """Whether a text has small and capital letters and digits, as base64 of some length has."""
    return all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", "[0-9]"))


def stamp(path: str) -> Stamp:
    """Return what changes when a file is replaced."""
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=256)  # clients by the thousand share a few files
def file_problem(path: str, changed: Stamp, wanted: str) -> str:
    """Return what is wrong with a file, else ''."""
    del changed
    try:
        data = content(path)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if data.startswith(DER):
        return "is binary (DER or PKCS #12); convert it to PEM with openssl"
    return problem(data.decode("latin-1"), wanted)


def problem(text: str, wanted: str) -> str:
    """Return what is wrong with PEM text, else ''."""
    kinds = {kind(found[1]) for found in BLOCK.finditer(text)}
    if wanted not in kinds:
        return missing(kinds, wanted)
    if wanted == KEY:
        return ENCRYPTED if any(mark in text for mark in ENCRYPTION) else ""
    return damage(text)


def kind(label: str) -> str:
    """Return what a block of PEM text is."""
    if label.endswith("PRIVATE KEY"):
        return KEY
    return CERTIFICATE if label.endswith("CERTIFICATE") else label.lower()


def missing(kinds: set[str], wanted: str) -> str:
    """Return the problem of PEM text without the wanted block."""
    if not kinds:
        return f"holds no {wanted.removeprefix('a ')} in PEM format"
    swapped = "; are cert and key swapped?" if kinds & {KEY, CERTIFICATE} else ""
    return f"holds {', '.join(sorted(kinds))}, expected {wanted}{swapped}"


def damage(text: str) -> str:
    """Return what is wrong with certificates, else ''."""
    import ssl

    blocks = [found[0] for found in BLOCK.finditer(text) if "CERTIFICATE" in found[1]]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="\n".join(blocks))
    except (ssl.SSLError, ValueError) as error:
        return f"is damaged: {getattr(error, 'reason', None) or 'not a certificate'}"
    return ""


def pair_problem(cert: str | Secret, key: str | Secret) -> str:
    """Return the problem if a private key cannot be used with a certificate, else ''."""
    names = ["the text" if is_text(given) else str(given) for given in (key, cert)]
    if is_text(cert) or is_text(key):
        with as_file(cert) as cert_path, as_file(key) as key_path:
            reason = refusal(cert_path, key_path)
    else:
        reason = file_refusal(str(cert), stamp(str(cert)), str(key), stamp(str(key)))
    if reason in FOREIGN:
        return f"key: {names[0]} does not belong to the certificate, {names[1]}"
    return f"key: {names[0]} is damaged: {reason}" if reason and not reason.endswith(WEAK) else ""


@lru_cache(maxsize=256)
def file_refusal(cert: str, cert_changed: Stamp, key: str, key_changed: Stamp) -> str:
    """Return why OpenSSL refuses two files, else ''."""
    del cert_changed, key_changed
    return refusal(cert, key)


def refusal(cert: str, key: str) -> str:
    """Return why OpenSSL refuses two files, else ''."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password=lambda: "")
    except ssl.SSLError as error:
        return str(error.reason or "not a private key")
    return ""


def is_text(given: str | Secret) -> bool:
    """Whether PEM text was given, not a path."""
    return isinstance(given, Secret) or BEGIN in given


@contextmanager
def as_file(given: str | Secret) -> Generator[str, None, None]:
    """Give PEM text a path, since OpenSSL reads no other way: in memory on Linux, else in a file of its owner.

    The path of a file is returned as it is.
    """
    if not is_text(given):
        yield str(given)
        return
    data = str(reveal(given)).encode()
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("pem"), "wb") as memory:
            memory.write(data)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    from tempfile import NamedTemporaryFile  # loads much, for certificates alone

    with NamedTemporaryFile(delete=False) as file:  # Windows opens it a second time only once it is closed
        file.write(data)
    try:
        yield file.name
    finally:
        os.unlink(file.name)
