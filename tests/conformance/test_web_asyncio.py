"""The examples of asyncio's web frameworks over real HTTP, tested with the fixtures of the package as a user would."""

from __future__ import annotations

import pytest

from etcd_factory import AsyncETCDServiceFactory
from examples import aiohttp_app, fastapi_app, litestar_app, starlette_app
from tests.support.http import serving_aiohttp, serving_asgi

CREATE = {
    "aiohttp": lambda config: aiohttp_app.create_app(config=config),
    "fastapi": fastapi_app.create_app,
    "litestar": litestar_app.create_app,
    "starlette": starlette_app.create_app,
}


@pytest.fixture(params=CREATE)
def serving(request):
    """A function that serves the example on a configuration."""
    serve = serving_aiohttp if request.param == "aiohttp" else serving_asgi
    return lambda config=None: serve(CREATE[request.param](config))


@pytest.fixture
async def browser(serving, etcd_clients):
    """An HTTP client of an application whose clients see only this test's keys."""
    async with serving(etcd_clients("users", "flags")) as one:
        yield one


def text(answer):
    """What an answer says; FastAPI and others quote it."""
    return answer.text.strip('"')


async def test_a_user_is_saved_and_returned(browser, aetcd):
    assert (await browser.get("/users/ann")).status_code == 404
    assert (await browser.put("/users/ann", params={"mail": "ann@example.org"})).status_code == 200
    assert text(await browser.get("/users/ann")) == "ann@example.org"
    assert await aetcd.get_all().strings() == {"users/ann": "ann@example.org"}


async def test_each_parameter_gets_the_client_of_its_name(browser, aetcd):
    await aetcd.put("flags/read_only").value("1")
    assert (await browser.put("/users/ann", params={"mail": "ann@example.org"})).status_code == 503
    assert (await browser.get("/users/ann")).status_code == 404


async def test_it_is_ready(browser):
    answer = await browser.get("/ready")
    healthy = {"ok": True, "priority": "medium", "error": None}
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "clients": {"users": healthy, "flags": healthy}},
    )


async def test_it_is_not_ready_while_a_client_that_matters_is_away(serving, etcd_clients, refusing):
    config = etcd_clients("users", "flags")
    config["clients"]["flags"]["hosts"] = refusing
    async with serving(config) as browser:
        answer = await browser.get("/ready")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert answer.json()["clients"]["users"]["ok"]
        assert answer.json()["clients"]["flags"]["error"] == "ConnectionFailedError"
    async with serving({**config, "client_priority": {"flags": "low"}}) as browser:
        assert (await browser.get("/ready")).status_code == 200


async def test_a_factory_that_was_passed_is_used_and_not_closed(serving, etcd_clients):
    async with AsyncETCDServiceFactory(etcd_clients("users", "flags")) as factory:
        async with serving(factory) as browser:
            assert (await browser.put("/users/ann", params={"mail": "a@b"})).status_code == 200
        assert await factory.get("users").get("ann").string() == "a@b"


async def test_one_that_reads_its_own_configuration_is_on_the_server_of_the_test(
    serving, etcd_clients, etcd_override, aetcd
):
    etcd_override(etcd_clients("users", "flags"))
    async with serving() as browser:
        assert (await browser.put("/users/ann", params={"mail": "a@b"})).status_code == 200
    assert await aetcd.get("users/ann").string() == "a@b"
