from __future__ import annotations

from attrs import evolve

from etcd_factory.config import explain_config
from etcd_factory.console.app import application


async def test_clients_with_their_health(page):
    _, found = await page("clients")
    one, two = found["clients"]
    assert (found["first"], found["writable"]) == ("one", True)
    assert (one["name"], one["ok"], one["endpoint"], one["error"]) == ("one", True, "127.0.0.1:2379", None)
    assert (two["namespace"], two["priority"]) == ("two/", "medium")


async def test_a_client_whose_etcd_is_away_says_why(page, fake):
    fake.stop()
    _, found = await page("clients")
    assert [one["ok"] for one in found["clients"]] == [False, False]
    assert "is etcd running there" in found["clients"][0]["error"]


async def test_the_configuration_has_the_place_of_each_value_and_no_secret(scene, tmp_path):
    import httpx

    file = tmp_path / "a.yaml"
    file.write_text("etcd:\n  client:\n    hosts: [h]\n    auth: {username: u, password: hidden}\n    tls: ~\n")
    asked = evolve(scene, explain=lambda: explain_config(file))
    transport = httpx.ASGITransport(application(asked))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.get("/api/configuration")
    rows = {row["key"]: (row["value"], row["place"]) for row in answer.json()["rows"]}
    assert rows["etcd.client.hosts"] == ("['h']", f"{file}:3")
    assert rows["etcd.client.auth.password"] == ("***", f"{file}:4")
    assert rows["etcd.client.tls"] == ("None", f"{file}:5")
    assert "hidden" not in answer.text
    assert answer.json()["files"] == [str(file)]
