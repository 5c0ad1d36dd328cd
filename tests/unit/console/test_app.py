from __future__ import annotations

import re

import pytest

from etcd_factory.console.app import ROUTES, application, failed
from etcd_factory.errors import (
    ConfigError,
    ConnectionFailedError,
    InstanceNotFoundError,
    NoInstanceError,
    PermissionDeniedError,
)
from tests.support.consoles import FILES, STATICS

TOKEN = {"Authorization": "Bearer the-token"}
FORBIDDEN = (
    *(r"(?:https?:)?//[\w.-]+\.\w", "@import", r"url\("),
    *("innerHTML", "outerHTML", "insertAdjacent", r"document\.write", r"\beval\b", "new Function", r"\.style\b"),
)
ELSEWHERE = re.compile("|".join(FORBIDDEN))
SCRIPTS = [file for file in FILES if file.suffix == ".js"]


async def test_the_page_and_its_files_are_served_without_a_token(guarded):
    client = guarded()
    for path in ("/", *STATICS):
        answer = await client.get(path)
        assert (answer.status_code, len(answer.content) > 0) == (200, True)
    assert (await client.get("/")).headers["content-type"] == "text/html; charset=utf-8"
    assert (await client.get("/main.js")).headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["/none", "/../app.py", "/%2e%2e/app.py", "/static/main.js", "/index.html"])
async def test_nothing_else_is(guarded, path):
    assert (await guarded().get(path)).status_code == 404


def test_every_route_is_in_the_table(scene):
    made = {(method, route.path) for route in application(scene).routes for method in route.methods - {"HEAD"}}
    assert made == {(method, path) for method, path, _ in ROUTES} | {("GET", path) for path in ("/", *STATICS)}
    assert all(path.startswith("/api/") for _, path, _ in ROUTES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_of_the_page_needs_nothing_from_elsewhere_and_makes_no_markup_of_texts(file):
    assert ELSEWHERE.findall(file.read_text()) == []


@pytest.mark.parametrize(
    "text", ['"https://cdn.example.com/x.js"', "a.innerHTML = b", "url(x.png)", "eval(x)", "a.style.color"]
)
def test_a_text_that_does_would_be_found(text):
    assert ELSEWHERE.findall(text)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_a_script_is_short(file):
    assert file.read_text().count("\n") < 300


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InstanceNotFoundError("x"), 404),
        (ConfigError("no"), 500),
        (ConnectionFailedError("away"), 502),
        (PermissionDeniedError("no"), 502),
        (NoInstanceError("s"), 502),
        (ValueError("wrong"), 400),
    ],
)
async def test_errors_keep_their_words(error, status):
    answer = await failed(None, error)
    assert answer.status_code == status
    assert str(error) in answer.body.decode().replace('\\"', '"')


async def test_an_etcd_that_is_away_is_an_answer(page, fake):
    fake.stop()
    status, body = await page("key", key=b"k")
    assert (status, body["kind"]) == (502, "ConnectionFailedError")
    assert "is etcd running there" in body["error"]
