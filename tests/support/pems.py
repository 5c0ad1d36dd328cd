"""Certificates and keys, made once for each run, in all the forms that users have them in."""

from __future__ import annotations

import ssl

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

AUTHORITY = trustme.CA()
ISSUED, OTHER = AUTHORITY.issue_cert("localhost"), AUTHORITY.issue_cert("localhost")

CA = AUTHORITY.cert_pem.bytes().decode()
CERT = ISSUED.cert_chain_pems[0].bytes().decode()
KEY = ISSUED.private_key_pem.bytes().decode()
OTHER_KEY = OTHER.private_key_pem.bytes().decode()
PRIVATE = KEY.splitlines()[1]  # a part of the key that no error may show

_key = load_pem_private_key(KEY.encode(), None)
PKCS8_KEY = _key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ENCRYPTED_KEY = _key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")).decode()
OLD_ENCRYPTED_KEY = _key.private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"hunter2")
).decode()
DER_KEY = _key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
DER_CERT = ssl.PEM_cert_to_DER_cert(CERT)
