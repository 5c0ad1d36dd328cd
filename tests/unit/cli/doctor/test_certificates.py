from __future__ import annotations

import datetime
import ssl

import pytest
import trustme

from etcd_factory.cli.doctor.certificates import DAY, end_of, first, judged, of_client
from etcd_factory.options import TLS

UTC = datetime.timezone.utc
END = datetime.datetime(2030, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def issued(authority, end):
    """A certificate that ends then, as PEM."""
    start = datetime.datetime(1990, 1, 1, tzinfo=UTC)
    return authority.issue_cert("h", not_before=start, not_after=end).cert_chain_pems[0].bytes().decode()


@pytest.mark.parametrize(
    "end",
    [
        END,
        datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
        datetime.datetime(1999, 12, 31, tzinfo=UTC),
        datetime.datetime(2050, 1, 1, tzinfo=UTC),
        datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_the_end_of_a_certificate(authority, end):
    assert end_of(first(issued(authority, end))) == end


def test_what_is_no_certificate_has_no_end():
    assert end_of(b"nothing") is None
    assert judged("it", b"nothing", 0).level == "ok"


@pytest.mark.parametrize(
    ("days", "level", "text"),
    [(31, "ok", "31 days left"), (29, "warning", "29 days left"), (-2, "failed", "2 days ago")],
)
def test_how_long_it_is_valid_still(authority, days, level, text):
    der = first(issued(authority, END))
    found = judged("it", der, END.timestamp() - days * DAY, "h:1")
    assert (found.level, found.host) == (level, "h:1")
    assert text in found.message
    assert bool(found.advice) is (level != "ok")


def test_the_certificates_of_a_client_may_be_files_or_text(authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    mine = authority.issue_cert("client", not_after=END)
    cert, key = mine.cert_chain_pems[0].bytes().decode(), mine.private_key_pem.bytes().decode()
    found = list(of_client(TLS(ca=str(tmp_path / "ca.pem"), cert=cert, key=key), END.timestamp() - 5 * DAY))
    assert [one.message.partition(":")[0] for one in found] == [
        "the authority's certificate (tls.ca)",
        "the client's certificate (tls.cert)",
    ]
    assert found[1].level == "warning"


def test_a_client_without_certificates_has_none_to_look_at():
    assert list(of_client(None, 0)) == []
    assert ssl.PEM_HEADER not in str(list(of_client(TLS(server_name="n"), 0)))
