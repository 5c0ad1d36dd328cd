"""What is wrong with TLS at a host, told from servers of the test that are wrong in one way each."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
import trustme

from etcd_factory.errors import ConfigError
from etcd_factory.io import tls as module
from etcd_factory.io.tls import context, diagnose, explain, pems, read, system_roots
from etcd_factory.options import TLS
from etcd_factory.options.secret import Secret

BOUND = 10  # seconds that nothing here takes
HOST = "127.0.0.1"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"  # an empty frame of HTTP/2
YEAR = timedelta(days=365)

AUTHORITY, OTHER = trustme.CA(), trustme.CA()
CA = AUTHORITY.cert_pem.bytes().decode()
TODAY = datetime.now(tz=timezone.utc)


def issued(*names, authority=AUTHORITY, **fields):
    return authority.issue_cert(*names or (HOST,), **fields)


CLIENT = issued("client@example.org")
CLIENT_CERT, CLIENT_KEY = CLIENT.cert_chain_pems[0].bytes().decode(), CLIENT.private_key_pem.bytes().decode()


def secured(certificate, *, h2=True, client=None):
    """What a server with this certificate does; ``client`` is the authority of its clients."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    if h2:
        made.set_alpn_protocols(["h2"])
    if client is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        client.configure_trust(made)

    def serve(raw):
        with made.wrap_socket(raw, server_side=True, do_handshake_on_connect=False) as sock:
            try:
                sock.do_handshake()
                sock.recv(64)
                sock.sendall(SETTINGS)
            except ssl.SSLError:
                drain(sock)

    return serve


def drain(sock):
    """Read to the end: a connection that is closed with bytes to read is reset, and what was sent on it may be lost."""
    socket.socket.shutdown(sock, socket.SHUT_WR)
    while socket.socket.recv(sock, 4096):
        pass


def plaintext(raw):
    """What a server without TLS does: it answers HTTP/2, and closes what is none."""
    if raw.recv(4096).startswith(b"PRI"):
        raw.sendall(SETTINGS)


def silent(raw):
    """What something does that is no etcd."""
    raw.recv(64)


@contextmanager
def serving(serve):
    """Yield the address of a server that treats each connection so."""
    listener = socket.create_server((HOST, 0))

    def run():
        with suppress(OSError):
            while True:
                raw, _ = listener.accept()
                with raw, suppress(OSError):
                    serve(raw)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"{HOST}:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(BOUND)


FAULTS = {
    "another authority": (secured(issued(authority=OTHER)), {"ca": CA}, module.UNKNOWN_CA),
    "another name": (secured(issued("elsewhere.org")), {"ca": CA}, module.WRONG_NAME),
    "another name than the option": (secured(issued()), {"ca": CA, "server_name": "etcd.org"}, module.WRONG_NAME),
    "expired": (
        secured(issued(not_before=TODAY - 2 * YEAR, not_after=TODAY - YEAR)),
        {"ca": CA},
        "the server's certificate has expired; renew it on the server, or is this machine's clock right?",
    ),
    "not valid yet": (
        secured(issued(not_before=TODAY + YEAR, not_after=TODAY + 2 * YEAR)),
        {"ca": CA},
        "the server's certificate is not valid yet; is the clock right?",
    ),
    "plaintext": (plaintext, {"ca": CA}, module.PLAINTEXT),
    "no HTTP/2": (secured(issued(), h2=False), {"ca": CA}, "the server speaks TLS, but not HTTP/2"),
    "no client certificate": (secured(issued(), client=AUTHORITY), {"ca": CA}, module.NO_CERTIFICATE),
    "a client certificate of another authority": (
        secured(issued(), client=OTHER),
        {"ca": CA, "cert": CLIENT_CERT, "key": CLIENT_KEY},
        module.REFUSED,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_with_what_to_change(name):
    serve, options, text = FAULTS[name]
    with serving(serve) as address:
        problem = diagnose(f"https://{address}", TLS(**options), BOUND)
    assert problem is not None
    assert problem.message.startswith(text)
    assert problem.endpoint == address


def test_a_client_that_writes_http_where_tls_is_required_is_told():
    with serving(secured(issued())) as address:
        problem = diagnose(f"http://{address}", None, BOUND)
    assert (problem.message, problem.endpoint) == (module.ENCRYPTED, address)


GOOD = {
    "TLS": (secured(issued()), "https", {"ca": CA}),
    "TLS with a client certificate": (
        secured(issued(), client=AUTHORITY),
        "https",
        {"ca": CA, "cert": CLIENT_CERT, "key": CLIENT_KEY},
    ),
    "TLS by another name": (secured(issued("etcd.org")), "https", {"ca": CA, "server_name": "etcd.org"}),
    "plaintext": (plaintext, "http", {}),
    "what is no etcd": (silent, "http", {}),
}


@pytest.mark.parametrize("name", GOOD)
def test_where_tls_is_no_problem_nothing_is_told(name):
    serve, scheme, options = GOOD[name]
    with serving(serve) as address:
        assert diagnose(f"{scheme}://{address}", TLS(**options) if options else None, BOUND) is None


def test_nothing_is_told_of_a_host_that_cannot_be_reached():
    with socket.socket() as held:
        held.bind((HOST, 0))
        address = f"{HOST}:{held.getsockname()[1]}"
        assert diagnose(f"https://{address}", TLS(ca=CA), BOUND) is None
        assert diagnose(f"http://{address}", None, BOUND) is None


@pytest.mark.parametrize("url", ["unix:///run/etcd.sock", "http:///"])
def test_nothing_is_told_of_what_has_no_address(url):
    assert diagnose(url, None, BOUND) is None


@pytest.mark.parametrize(
    ("reason", "tls", "text"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", None, module.NO_CERTIFICATE),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", None, module.NO_CERTIFICATE),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", TLS(cert=CLIENT_CERT, key=CLIENT_KEY), f"{module.REFUSED}: it has expired"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", None, "the TLS handshake failed: tlsv1 alert protocol version"),
    ],
)
def test_an_error_of_openssl_is_explained(reason, tls, text):
    error = ssl.SSLError(1, "of the test")
    error.reason = reason
    assert explain(error, tls) == text


# --- files


@pytest.fixture
def file(tmp_path):
    """A function that writes a file, and returns its path."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_the_options_are_text_or_paths(file):
    path = file("ca.pem", CA)
    assert pems(None) == (None, None, None)
    assert pems(TLS(ca=path, cert=CLIENT_CERT, key=CLIENT_KEY)) == (path, CLIENT_CERT, CLIENT_KEY)
    assert type(TLS(cert=CLIENT_CERT, key=CLIENT_KEY).key) is Secret


@pytest.mark.parametrize("as_files", [True, False])
def test_a_context_verifies_by_the_ca_and_shows_the_certificate(file, as_files):
    given = {"ca": CA, "cert": CLIENT_CERT, "key": CLIENT_KEY}
    if as_files:
        given = {name: file(f"{name}.pem", text) for name, text in given.items()}
    made = context(TLS(**given))
    assert (made.verify_mode, made.check_hostname, len(made.get_ca_certs())) == (ssl.CERT_REQUIRED, True, 1)
    with serving(secured(issued(), client=AUTHORITY)) as address:
        assert diagnose(f"https://{address}", TLS(**given), BOUND) is None


def test_without_a_ca_the_systems_are_trusted():
    assert context(None).verify_mode is ssl.CERT_REQUIRED
    with serving(secured(issued())) as address:
        assert diagnose(f"https://{address}", None, BOUND).message == module.UNSET_CA


# --- what is read from files

PEM = "-----BEGIN CERTIFICATE-----\nof the test\n-----END CERTIFICATE-----\n"


@pytest.fixture
def ca_file(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text(PEM)
    return path


def test_pem_text_is_used_as_it_is():
    assert read("ca", PEM) == PEM


def test_a_path_is_read(ca_file):
    assert read("ca", str(ca_file)) == PEM


def test_comments_in_any_encoding_are_left_out(ca_file):
    ca_file.write_bytes(PEM.encode() + "Å\n".encode("latin-1"))
    assert read("ca", str(ca_file)) == PEM + "\n"
    assert read("ca", PEM + "Å\n") == PEM + "\n"


def test_a_file_that_cannot_be_read_is_an_error_that_names_it_and_its_option(tmp_path):
    path = tmp_path / "missing.pem"
    with pytest.raises(ConfigError) as caught:
        read("cert", str(path))
    (fault,) = caught.value.faults
    assert (fault.file, fault.path) == (str(path), "tls.cert")
    assert fault.message == "cannot be read: No such file or directory"


# --- the system's root certificates


@pytest.fixture
def paths(monkeypatch):
    """A function that sets where OpenSSL looks."""

    def put(cafile=None, capath=None):
        found = SimpleNamespace(cafile=cafile and str(cafile), capath=capath and str(capath))
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: found)

    return put


def test_a_file_of_roots_is_used(paths, ca_file):
    paths(cafile=ca_file)
    assert system_roots() == PEM.encode()


def test_debians_bundle_in_a_folder_is_used_alone(paths, tmp_path):
    (tmp_path / "ca-certificates.crt").write_text("bundle")
    (tmp_path / "one.pem").write_text("one")
    paths(capath=tmp_path)
    assert system_roots() == b"bundle"


def test_the_files_of_a_folder_are_joined_in_order(paths, tmp_path):
    for name in ("b.pem", "a.pem", "other.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.pem").mkdir()
    paths(capath=tmp_path)
    assert system_roots() == b"a.pem\nb.pem"


def test_without_any_there_are_none(paths, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths(capath=tmp_path)
    assert system_roots() is None
    paths()
    assert system_roots() is None


def test_openssls_variable_is_honored(monkeypatch, ca_file):
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert system_roots() == PEM.encode()
