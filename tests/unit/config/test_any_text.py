"""Whatever a configuration says, in any format: only our errors come of it, soon, and no secret is shown."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etcd_factory import ETCDServiceFactory, explain_config, load_config
from etcd_factory.errors import EtcdFactoryError
from tests.support.bounds import cpu_seconds
from tests.support.config_texts import FORMATS, SECRET, TREES

MOST = 2.0  # seconds
MANY = settings(max_examples=int(os.environ.get("TESTS_EXAMPLES", "25")), suppress_health_check=list(HealthCheck))
NAMES = st.sampled_from(["CLIENT", "CLIENTS__A", "DEFAULT", "CLIENTS__A__AUTH", "CLIENT__AUTH", "CLIENT__TLS", "X", ""])
KEYS = st.sampled_from(["PASSWORD", "AUTH__PASSWORD", "AUTH__TOKEN", "API_KEY", "CLIENT_SECRET"])
OTHERS = st.sampled_from(["HOSTS", "HOSTS__0", "TIMEOUT", "NAMESPACE", "TLS", "RETRY__ATTEMPTS", "HOSTS__X", "CLIENT"])
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def texts_of(error):
    """Yield what is shown of an error and of those that it came from."""
    while error is not None:
        yield from (str(error), repr(error), *map(str, getattr(error, "__notes__", ())))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def shown(source):
    """Return all that is shown of a configuration: what a load shows, an explanation, and each error."""
    found = []
    for show in (lambda: repr(load_config(source)), lambda: str(explain_config(source)), lambda: made(source)):
        try:
            with cpu_seconds(MOST):
                found.append(show())
        except EtcdFactoryError as error:  # no other one
            found.extend(texts_of(error))
    return found


def made(source):
    with ETCDServiceFactory.from_config(source) as factory:
        return repr(factory)


@contextmanager
def file_of(name, text):
    """Write a file for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text)
        yield path


@pytest.mark.parametrize("form", FORMATS)
@MANY
@given(TREES)
def test_no_secret_of_a_file_is_shown(form, tree):
    with file_of(f"a.{form}", FORMATS[form](tree)) as path:
        assert [text for text in shown(path) if SECRET in text] == []


@MANY
@given(TREES)
def test_no_secret_of_a_mapping_is_shown(tree):
    assert [text for text in shown(tree) if SECRET in text] == []


@pytest.mark.parametrize("form", FORMATS)
@MANY
@given(TREES, st.data())
def test_only_our_errors_come_of_a_damaged_file(form, tree, data):
    text = FORMATS[form](tree)
    at, cut = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 5))
    damage = data.draw(
        st.sampled_from(["", "{", "}", "[", "'", '"', "\n", ": ", "\t", "- ", "&a ", "*a", "!!x ", "\0"])
    )
    with file_of(f"a.{form}", text[:at] + damage + text[at + cut :]) as path:
        assert shown(path)


@pytest.mark.parametrize("form", FORMATS)
@MANY
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.binary(max_size=60))
def test_only_our_errors_come_of_any_file(form, content):
    content = content if isinstance(content, bytes) else content.encode()
    if form == "py" and b"(" in content:
        return  # it would be called
    with file_of(f"a.{form}", "") as path:
        path.write_bytes(content)
        assert shown(path)


@contextmanager
def variables(values):
    """Set environment variables for as long as the block lasts."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@MANY
@given(
    NAMES, KEYS, st.dictionaries(OTHERS, TEXTS, max_size=3), st.sampled_from([SECRET, f"${{{SECRET}}}", f"{SECRET} x"])
)
def test_no_secret_of_a_variable_is_shown(place, key, others, secret):
    given = {f"ETCD_FACTORY__ETCD__{place}__{name}": text for name, text in others.items()}
    with variables({**given, f"ETCD_FACTORY__ETCD__{place}__{key}": secret}):
        assert [text for text in shown({"etcd": {}}) if SECRET in text] == []


def test_a_secret_that_is_shown_would_be_found():
    assert any(SECRET in text for text in shown({"etcd": {"client": {"namespace": SECRET, "hosts": "a"}}}))
    assert any(SECRET in text for text in shown({"etcd": {"client": {"timeout": SECRET}}}))
