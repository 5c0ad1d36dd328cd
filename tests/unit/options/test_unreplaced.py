"""Shell variables that nothing replaced."""

from __future__ import annotations

import pytest

from etcd_factory import Auth, ClientOptions, ETCDServiceFactory
from etcd_factory.options.secret import Secret

ADVICE = "which is not replaced; write ${oc.env:NAME} in a file, os.environ['NAME'] in Python"
HOSTS = {"hosts": ["$ETCD_HOST:2379", "a:1"]}
HOST = f"hosts: http://$etcd_host:2379 has a shell variable, {ADVICE}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (HOSTS, HOST),
        ({"hosts": "a$B"}, f"hosts: http://a$b:2379 has a shell variable, {ADVICE}"),
        ({"auth": {"username": "$USER", "password": "p"}}, f"auth.username: is a shell variable, {ADVICE}"),
        ({"auth": {"username": "u", "password": "$HUNTER2"}}, f"auth.password: is a shell variable, {ADVICE}"),
        ({"auth": {"username": "u", "password": "${HUNTER2}"}}, f"auth.password: is a shell variable, {ADVICE}"),
        ({"auth": {"token": "$hunter2"}}, f"auth.token: is a shell variable, {ADVICE}"),
    ],
)
def test_a_shell_variable_that_was_left_is_warned_of(caplog, options, message):
    ClientOptions.of(options)
    ClientOptions(**options)
    assert caplog.messages == [message, message]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


@pytest.mark.parametrize("password", ["pa$word", "$", "$5", "a $b", "${a}b", Secret("$a$b"), lambda: "$A"])
def test_a_password_may_have_a_dollar(caplog, password):
    ClientOptions(auth=Auth("u", password), hosts="a:1")
    assert caplog.messages == []


def test_in_a_factory_it_is_warned_of_once_with_its_file_and_path(caplog, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "etcd: {default: {hosts: '$ETCD_HOST:2379'}, clients: {a: {}, b: {}, c: {auth: {token: $T}, hosts: 127.0.0.1}}}"
    )
    with ETCDServiceFactory.from_config(path) as factory:
        assert caplog.messages == [
            f"{path}: etcd.default.{HOST}",
            f"{path}: etcd.clients.c.auth.token: is a shell variable, {ADVICE}",
        ]
        factory.create_instance({"hosts": "$B"})
    assert caplog.messages[2:] == [f"hosts: http://$b:2379 has a shell variable, {ADVICE}"]
