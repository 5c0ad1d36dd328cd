from __future__ import annotations

import os
from pathlib import Path

import pytest

from etcd_factory import TLS, ClientOptions
from etcd_factory.options import pem
from etcd_factory.options.secret import Secret
from tests.support import pems

CERTIFICATES = (pem.authority, pem.certificate)


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.mark.parametrize("read", CERTIFICATES)
@pytest.mark.parametrize(
    "text",
    [pems.CA, pems.CERT, pems.CERT + pems.CA, "# \u00e4\n" + pems.CA, pems.CERT.replace("\n", "\r\n")],
    ids=["one", "leaf", "two", "comment", "CRLF"],
)
def test_certificates_are_accepted_as_text_and_as_a_file(write, read, text):
    path = write("a.pem", text)
    assert (read(text), read(path), read(Path(path)), read(None)) == (text, path, path, None)


@pytest.mark.parametrize(
    "text", [pems.KEY, pems.PKCS8_KEY, pems.CERT + pems.KEY], ids=["traditional", "PKCS #8", "both"]
)
def test_a_key_is_accepted_as_text_and_as_a_file(write, text):
    path = write("a.pem", text)
    assert pem.private_key(path) == path
    assert pem.private_key(text) == Secret(text)
    assert type(pem.private_key(text)) is Secret


def test_text_with_a_key_is_a_secret_in_each_of_the_options():
    assert type(pem.certificate(pems.CERT + pems.KEY)) is Secret
    assert type(pem.authority(pems.CA)) is str


@pytest.mark.parametrize(
    ("read", "content", "problem"),
    [
        (pem.authority, "", "holds no certificate in PEM format"),
        (pem.authority, "not PEM", "holds no certificate in PEM format"),
        (pem.authority, "-----BEGIN CERTIFICATE-----\nMII", "holds no certificate in PEM format"),
        (pem.authority, pems.KEY, "holds a private key, expected a certificate; are cert and key swapped?"),
        (pem.certificate, pems.KEY, "holds a private key, expected a certificate; are cert and key swapped?"),
        (pem.private_key, pems.CERT, "holds a certificate, expected a private key; are cert and key swapped?"),
        (pem.private_key, "", "holds no private key in PEM format"),
        (
            pem.private_key,
            pems.KEY.replace("PRIVATE", "PUBLIC").replace("EC ", ""),
            "holds public key, expected a private key",
        ),
        (pem.private_key, pems.ENCRYPTED_KEY, pem.ENCRYPTED),
        (pem.private_key, pems.OLD_ENCRYPTED_KEY, pem.ENCRYPTED),
        (pem.authority, pems.DER_CERT, "is binary (DER or PKCS #12); convert it to PEM with openssl"),
        (pem.certificate, pems.DER_CERT, "is binary (DER or PKCS #12); convert it to PEM with openssl"),
        (pem.private_key, pems.DER_KEY, "is binary (DER or PKCS #12); convert it to PEM with openssl"),
    ],
    ids=map(str, range(13)),
)
def test_a_file_of_another_kind_is_an_error_that_names_it(write, faults, read, content, problem):
    path = write("a.pem", content)
    assert faults(read, path) == [f"{path} {problem}"]


@pytest.mark.parametrize("read", CERTIFICATES)
def test_damaged_certificates_are_an_error(write, faults, read):
    damaged = pems.CA.replace("MII", "MIJ", 1)
    path = write("a.pem", damaged)
    assert faults(read, path)[0].startswith(f"{path} is damaged: ")
    assert faults(read, damaged)[0].startswith("the text is damaged: ")
    assert faults(read, pems.CA + damaged)[0].startswith("the text is damaged: ")


def test_a_path_that_is_no_file_is_an_error_that_names_it(tmp_path, faults):
    os.mkfifo(tmp_path / "pipe")
    assert faults(pem.authority, str(tmp_path)) == [
        f"expected a file, got the directory {tmp_path}; concatenate the certificates in one file"
    ]
    assert faults(pem.certificate, str(tmp_path)) == [f"expected a file, got the directory {tmp_path}"]
    assert faults(pem.private_key, tmp_path / "pipe") == [f"{tmp_path}/pipe: is not a regular file"]
    assert faults(pem.private_key, "no.pem") == ["expected PEM text or a file path; no such file: no.pem"]
    assert faults(pem.private_key, 1) == ["expected text, got int; write it in quotes"]


def test_an_unreadable_file_is_an_error(write, faults, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(13, "Permission denied")

    path = write("unreadable.pem", pems.KEY)
    monkeypatch.setattr("etcd_factory.options.files.os.open", refuse)
    assert faults(pem.private_key, path) == [f"{path}: cannot read the file: Permission denied"]


@pytest.mark.parametrize(
    "text",
    ["".join(pems.KEY.splitlines()[1:-1]), "\n".join(pems.KEY.splitlines()[1:-1]), "x" * 1000],
    ids=["joined", "lines", "long"],
)
def test_the_text_of_a_key_without_its_first_line_is_not_shown(faults, text):
    assert faults(pem.private_key, text) == [
        f"expected PEM text or a file path; no such file: {len(text)} characters without -----BEGIN"
    ]


def test_the_home_directory_may_be_written_as_a_tilde(write, monkeypatch, tmp_path):
    write("a.pem", pems.CA)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pem.authority("~/a.pem") == f"{tmp_path}/a.pem"


@pytest.mark.parametrize("as_text", ["cert", "key", "cert key", ""])
def test_a_key_that_does_not_belong_to_the_certificate_is_an_error_that_names_both(write, faults, as_text):
    given = {"cert": pems.CERT, "key": pems.OTHER_KEY}
    given = {name: text if name in as_text else write(f"{name}.pem", text) for name, text in given.items()}
    names = {name: "the text" if name in as_text else path for name, path in given.items()}
    assert faults(ClientOptions.of, {"hosts": "https://a", "tls": given}) == [
        f"tls: key: {names['key']} does not belong to the certificate, {names['cert']}"
    ]
    good = {**given, "key": pems.KEY if "key" in as_text else write("key.pem", pems.KEY)}
    assert TLS(**good).key is not None


def test_a_damaged_key_is_an_error(write, faults):
    path = write("key.pem", pems.KEY.replace(pems.PRIVATE, pems.PRIVATE[::-1]))
    (fault,) = faults(TLS, cert=pems.CERT, key=path)
    assert fault.startswith(f"key: {path} is damaged: ")
    assert pems.PRIVATE not in fault


def test_swapped_files_are_two_errors(write, faults):
    cert, key = write("cert.pem", pems.CERT), write("key.pem", pems.KEY)
    assert faults(ClientOptions.of, {"hosts": "https://a", "tls": {"cert": key, "key": cert}}) == [
        f"tls.cert: {key} holds a private key, expected a certificate; are cert and key swapped?",
        f"tls.key: {cert} holds a certificate, expected a private key; are cert and key swapped?",
    ]


def test_an_encrypted_key_does_not_ask_for_a_passphrase(write, faults):
    assert faults(TLS, cert=pems.CERT, key=write("key.pem", pems.ENCRYPTED_KEY))[0].endswith(pem.ENCRYPTED)


def test_a_file_that_was_replaced_is_checked_again(write, faults):
    path = write("a.pem", "")
    assert faults(pem.authority, path) == [f"{path} holds no certificate in PEM format"]
    write("a.pem", pems.CA)
    assert pem.authority(path) == path


def test_no_descriptor_is_left_open(write, faults):
    before = len(os.listdir("/proc/self/fd"))
    TLS(cert=pems.CERT, key=pems.KEY)
    faults(TLS, cert=pems.CERT, key=pems.OTHER_KEY)
    assert len(os.listdir("/proc/self/fd")) == before


def test_many_clients_read_a_file_once(write, monkeypatch):
    path = write("many.pem", pems.CA)
    calls = []
    monkeypatch.setattr(pem, "content", lambda name: calls.append(name) or pems.CA.encode())
    for _ in range(100):
        assert pem.authority(path) == path
    assert calls == [path]


LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"  # how the text of a key begins


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        LINE[10:],
        "\n".join([LINE] * 3),
        " ".join([LINE] * 3),
        f"/{LINE}",
        f"{LINE}\n-----END PRIVATE KEY-----",
        "hunter2",
    ],
)
def test_no_part_of_the_text_of_a_key_is_shown(faults, text):
    expected = f"expected PEM text or a file path; no such file: {len(text)} characters without -----BEGIN"
    assert faults(pem.private_key, text) == [expected]


@pytest.mark.parametrize("path", ["no.pem", "no/key", "~/no", "/var/run/secrets/kubernetes/io/serviceaccount/tls/no"])
def test_a_path_is_shown(faults, path):
    (fault,) = faults(pem.private_key, path)
    assert fault.endswith(path.removeprefix("~"))


# --- text as a file


@pytest.fixture(params=["in memory", "on disk"])
def where(request, monkeypatch):
    """Where the text is: only Linux has files in memory."""
    if request.param == "on disk":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif not hasattr(os, "memfd_create"):
        pytest.skip("this system has no files in memory")
    return request.param


@pytest.mark.parametrize("given", [pems.KEY, Secret(pems.KEY)], ids=["text", "a secret"])
def test_text_has_a_path_for_the_moment_which_only_its_owner_can_read(where, given):
    with pem.as_file(given) as path:
        written = Path(path)
        assert written.read_text() == pems.KEY
        assert where == "in memory" or not written.stat().st_mode & 0o077
    assert not written.exists()


def test_the_file_is_gone_if_it_cannot_be_used(where):
    with pytest.raises(ValueError, match="odd"), pem.as_file(pems.KEY) as path:
        raise ValueError("odd")
    assert not Path(path).exists()


def test_the_path_of_a_file_is_used_unchanged(where, tmp_path):
    (path := tmp_path / "key.pem").write_text(pems.KEY)
    with pem.as_file(str(path)) as same:
        assert same == str(path)
    assert path.exists()
