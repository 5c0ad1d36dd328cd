"""The console on a real stored, as a program of its own: its routes over HTTP, its streams, its end."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager

import httpx
import pytest

from etcd_factory.console.values import decoded, encoded
from etcd_factory.registry import ServiceRegistry
from tests.support.command_line import interrupted
from tests.support.consoles import console


def asking(running):
    """An HTTP client that sends what the page sends."""
    headers = {"Authorization": f"Bearer {running.token}", "Origin": running.origin}
    return httpx.Client(base_url=f"{running.origin}/api/", headers=headers, timeout=60)


@pytest.fixture
def page(running):
    with asking(running) as client:
        yield client


@contextmanager
def changes(page, **headers):
    """What reads the next message of a kind from a stream of all changes."""
    with page.stream("GET", "watch", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()

        def following(kind):
            while next(lines) != f"event: {kind}":
                pass
            return json.loads(next(lines).removeprefix("data: ")), next(lines).removeprefix("id: ")

        yield following


def test_a_key_is_found_read_written_and_deleted(page, stored):
    stored.put("a/b").value("1")
    assert page.get("children").json()["keys"] == [encoded(b"a/")]
    kv = page.get("key", params={"key": encoded(b"a/b")}).json()["kv"]
    body = {"key": kv["key"], "value": encoded(b"\xff\0"), "if_revision": kv["mod_revision"]}
    written = page.put("key", json=body)
    assert (written.status_code, stored.get("a/b").bytes()) == (200, b"\xff\0")
    assert page.put("key", json=body).status_code == 409
    question = {"key": kv["key"], "if_revision": written.json()["revision"]}
    assert page.delete("key", params=question).status_code == 200
    assert not stored.get("a/b").exists()


def test_the_history_of_a_key_ends_where_etcd_compacted_it(page, stored):
    revisions = [stored.put("k").value(str(number)).revision for number in range(3)]
    found = page.get("history", params={"key": encoded(b"k")}).json()
    assert [decoded(kv["value"]["base64"]) for kv in found["kvs"]] == [b"2", b"1", b"0"]
    assert [kv["mod_revision"] for kv in found["kvs"]] == revisions[::-1]
    assert "created" in found["end"]


def test_changes_are_streamed_and_resumed(page, stored):
    with changes(page) as following:
        following("open")
        stored.put("k").value("1")
        (one,), last = following("changes")
        assert (one["type"], decoded(one["key"]), one["revision"]) == ("put", b"k", int(last))
    missed = [stored.put(key).value("2").revision for key in ("k", "l")]
    with changes(page, **{"Last-Event-ID": last}) as following:
        found = []
        while len(found) < 2:
            found += following("changes")[0]
    assert [(one["type"], one["revision"]) for one in found] == [("put", revision) for revision in missed]


def test_services_locks_and_the_configuration_are_there(page, stored, console_config):
    with ServiceRegistry(stored).register("s", "1", host="h", port=1), stored.lock("l") as lock:
        assert page.get("services").json()["services"] == ["s"]
        assert page.get("pick", params={"service": "s"}).json()["address"] == "h:1"
        (queue,) = page.get("holders").json()["locks"]
        assert decoded(queue["contenders"][0]["key"]) == lock.key
    rows = {row["key"]: row["place"] for row in page.get("configuration").json()["rows"]}
    assert rows["etcd.client.namespace"] == f"{console_config}:1"


def test_errors_of_etcd_have_its_words(page):
    large = {"key": encoded(b"k"), "value": encoded(b"x" * 2_000_000), "if_revision": 0}
    answer = page.put("key", json=large)
    assert (answer.status_code, "too large" in answer.json()["error"]) == (502, True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_at_once_also_while_changes_are_streamed(console_config, number, code):
    with console("--config", console_config) as ending, asking(ending) as client, changes(client) as following:
        following("open")
        done = interrupted(ending.process, number)
        with pytest.raises((StopIteration, httpx.RemoteProtocolError)):
            following("never")
    assert (done.code, done.out, done.err) == (code, "", "")


def test_neither_the_token_nor_a_key_is_logged(console_config):
    with console("--config", console_config, "--write") as ending:
        headers = {"Authorization": f"Bearer {ending.token}"}
        for path in ("/", "/api/key?key=c2VjcmV0", "/api/none", f"/?token={ending.token}"):
            httpx.get(f"{ending.origin}{path}", headers=headers)
        done = interrupted(ending.process)
    assert (done.out, done.err) == ("", "")


def test_its_address_is_printed_for_people_too(run, console_config, monkeypatch):
    from etcd_factory.console import server

    async def serve(scene, host, port, names, started):
        started(server.Address(host, 8000, "t"))

    monkeypatch.setattr(server, "serve", serve)
    assert (
        run("console", "--config", console_config).out
        == "http://127.0.0.1:8000/#token=t\nserves until Ctrl-C, read-only\n"
    )
    wide = run("console", "--config", console_config, "--host", "0.0.0.0", "--write").out
    assert "with --write\n" in wide
    assert "pass the network in plaintext" in wide
