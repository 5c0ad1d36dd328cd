from __future__ import annotations

import ssl

import pytest
import trustme

from etcd_factory.cli.doctor.issuers import issuer


def test_the_issuer_of_a_certificate_is_read():
    authority = trustme.CA(organization_name="Acme", organization_unit_name="Unit")
    pem = authority.issue_cert("h").cert_chain_pems[0].bytes().decode()
    assert issuer(ssl.PEM_cert_to_DER_cert(pem)) == "Acme, Unit"


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x02\x30\x00", bytes(40), b"\xff" * 40])
def test_what_is_no_certificate_has_none(der):
    assert issuer(der) == ""
