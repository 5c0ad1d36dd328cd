from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest

from etcd_factory import TLS, Auth, ConfigError, Keepalive, Retry
from tests.support.pems import CERT, KEY, PRIVATE


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Retry(attempts=0), "attempts"),
        (lambda: Keepalive(time=0), "time"),
        (lambda: Auth("u", 5), "password"),
        (lambda: Auth(token=b"t"), "token"),
        (lambda: Auth("u", "p", timeout=0), "timeout"),
        (lambda: TLS(ca="no.pem"), "ca"),
    ],
)
def test_an_invalid_option_is_an_error_that_names_it(faults, make, name):
    (fault,) = faults(make)
    assert fault.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Auth("u"), "username is set without password"),
        (lambda: Auth(None, "p"), "password is set without username"),
        (lambda: Auth("u", "p", "t"), "token cannot be combined with username and password"),
        (lambda: Auth(timeout=1), "timeout is set without username and password"),
        (lambda: Auth(token="t", timeout=1), "timeout is set without username and password"),
        (lambda: TLS(cert=CERT), "cert is set without key"),
        (lambda: Retry(initial=2), "initial exceeds maximum"),
        (lambda: attrs.evolve(Auth("u", "p"), token="t"), "token cannot be combined with username and password"),
    ],
)
def test_contradicting_options_are_an_error(faults, make, fault):
    (found,) = faults(make)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("options", "name"),
    [(Auth("u", "p"), "password"), (TLS(), "ca"), (Retry(), "attempts"), (Keepalive(), "time")],
    ids=lambda value: type(value).__name__,
)
def test_options_cannot_be_changed(options, name):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(options, name, "x")


@pytest.mark.parametrize("options", [Auth("root", "hunter2"), Auth(token="hunter2"), TLS(cert=CERT, key=KEY)])
def test_no_secret_is_in_the_repr(options):
    shown = f"{options!r} {options} {SimpleNamespace(it=options)}"
    assert "hunter2" not in shown
    assert PRIVATE not in shown
    assert "=***" in repr(options)


def test_the_repr_shows_the_path_of_a_key_and_that_a_password_is_missing(tmp_path):
    (path := tmp_path / "both.pem").write_text(CERT + KEY)
    assert str(path) in repr(TLS(cert=str(path), key=path))
    assert "password=None" in repr(Auth())


@pytest.mark.parametrize("given", [{"username": "u", "password": "hunter2", "token": "t"}, {"password": "hunter2"}])
def test_no_secret_is_in_an_error(given):
    with pytest.raises(ConfigError) as caught:
        Auth(**given)
    assert "hunter2" not in f"{caught.value!r} {caught.value}"
