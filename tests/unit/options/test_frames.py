"""Error reporters print local variables: no frame of the package holds a secret in the clear."""

from __future__ import annotations

import pytest

from etcd_factory import (
    AsyncETCDService,
    AsyncETCDServiceFactory,
    ClientOptions,
    ETCDService,
    ETCDServiceFactory,
    explain_config,
    load_config,
)
from etcd_factory.core.call.single_flight import SingleFlight
from etcd_factory.core.call.token import AuthToken
from etcd_factory.core.face import finish
from etcd_factory.errors import ConfigError
from etcd_factory.io.runtime.threads import ThreadRuntime
from etcd_factory.options import Auth
from etcd_factory.options.secret import masked_options
from tests.support import frames

WRONG = {"auth": {"username": "root", "password": "hunter2"}, "timeout": -1}
LISTED = {"auth": {"username": "root", "password": ["hunter2"]}}
TREE = {"etcd": {"client": WRONG}, "x": "${"}

URL = "etcd://u:hunter2@h?timeout=x"
TOKEN = "etcd://h?auth.token=hunter2&timeout"

CALLS = {
    "service": lambda: ETCDService(WRONG),
    "asyncio service": lambda: AsyncETCDService(WRONG),
    "options": lambda: ClientOptions.of(WRONG),
    "a wrong password": lambda: ClientOptions.of(LISTED),
    "factory": lambda: ETCDServiceFactory({"clients": {"a": WRONG}}),
    "asyncio factory": lambda: AsyncETCDServiceFactory({"client": WRONG}),
    "create_instance": lambda: ETCDServiceFactory({}).create_instance(WRONG, "a"),
    "from_config": lambda: ETCDServiceFactory.from_config(TREE),
    "asyncio from_config": lambda: AsyncETCDServiceFactory.from_config(TREE),
    "load_config": lambda: load_config(TREE),
    "explain_config": lambda: explain_config(TREE),
    "a URL": lambda: ETCDService(URL),
    "from_url": lambda: ETCDService.from_url(TOKEN),
    "a client's URL": lambda: ETCDServiceFactory({"client": URL}),
    "a factory's URL": lambda: ETCDServiceFactory(TOKEN),
    "a configured URL": lambda: ETCDServiceFactory.from_config({"etcd": {"client": TOKEN}}),
    "a URL as a source": lambda: ETCDServiceFactory.from_config(URL),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_frame_shows_a_secret_of_options(call):
    with pytest.raises(ConfigError) as caught:
        call()
    assert [name for name, text in frames.shown(caught.value).items() if "hunter2" in text] == []


def test_no_frame_shows_a_secret_of_a_file(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("etcd: {client: {timeout: -1, auth: {username: root, password: hunter2}}}\nx: '${'")
    with pytest.raises(ConfigError) as caught:
        ETCDServiceFactory.from_config(file)
    assert [name for name, text in frames.shown(caught.value).items() if "hunter2" in text] == []


def no_answer(request, timeout):
    del request
    raise ConnectionError(timeout)


@pytest.mark.parametrize("password", ["hunter2", lambda: "hunter2"])
def test_no_frame_shows_a_secret_until_the_message_is_made(password):
    token = AuthToken(Auth(lambda: "\ud800", password), SingleFlight(ThreadRuntime()))
    with pytest.raises((TypeError, ValueError)) as caught:  # of protobuf, for the username
        finish(token.fetch(no_answer, 1.0))
    found = frames.shown(caught.value)
    assert [name for name, text in found.items() if "hunter2" in text] == []
    assert found["etcd_factory.core.call.token._request.password"] == "***"


def test_the_metadata_of_a_call_does_not_show_the_token():
    token = AuthToken(Auth(token="hunter2"), SingleFlight(ThreadRuntime()))
    assert token.metadata == (("token", "hunter2"),)
    assert repr(token.metadata) == "***"


def test_options_that_cannot_be_copied_are_unchanged():
    circle = {}
    circle["a"] = circle
    assert masked_options(circle) is circle
    assert masked_options(None) is None


def test_options_are_masked_once_on_their_way():
    once = masked_options({"auth": {"username": "u", "password": "hunter2"}})
    assert once == {"auth": {"username": "u", "password": "hunter2"}}
    assert "hunter2" not in repr(once)
    assert masked_options(once) is once
