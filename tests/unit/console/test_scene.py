from __future__ import annotations

import pytest

from etcd_factory.console.scene import BODY

TOKEN = {"Authorization": "Bearer the-token", "Origin": "http://127.0.0.1:8000"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Expecting value"),
        (b"[1]", "the body must be a JSON object"),
        (b"\xff", "invalid start byte"),
        (b'{"key": 1}', "base64"),
        (b"[" * 100_000, ""),
        (b'{"key": "' + b"x" * BODY + b'"}', f"the body is larger than {BODY} bytes"),
    ],
)
async def test_what_is_no_change_is_refused(guarded, fake, body, words):
    answer = await guarded().put("/api/key", content=body, headers=TOKEN)
    assert (answer.status_code, fake.revision) == (400, 1)
    assert words in answer.json()["error"]


@pytest.mark.parametrize("query", ["key=%20", "key=a", "key=ä", "key=AA==&revision=x", "key=AA==&revision=-1"])
async def test_what_is_no_question_is_refused(guarded, query):
    answer = await guarded().get(f"/api/key?{query}", headers=TOKEN)
    assert (answer.status_code, answer.json()["kind"] in ("ValueError", "Error")) == (400, True)
