"""The FastAPI example with the fixtures of the package: a test of an application, as a user writes it."""

from __future__ import annotations

import pytest

from etcd_factory.errors import ClientClosedError
from examples.fastapi_app import create_app, http_client


@pytest.fixture
async def browser(etcd_options):
    """An HTTP client of an application whose clients see only this test's keys."""
    space = etcd_options["namespace"]
    clients = {name: {"namespace": f"{space}{name}/"} for name in ("users", "flags")}
    async with http_client(create_app({"default": etcd_options, "clients": clients})) as one:
        yield one


async def test_a_user_is_saved_and_returned(browser, aetcd):
    assert (await browser.get("/users/ann")).status_code == 404
    assert (await browser.put("/users/ann", params={"mail": "ann@example.org"})).status_code == 200
    assert (await browser.get("/users/ann")).json() == "ann@example.org"
    assert await aetcd.get_all().strings() == {"users/ann": "ann@example.org"}


async def test_each_client_has_its_own_namespace(browser, aetcd):
    await aetcd.put("flags/read_only").value("1")
    assert (await browser.put("/users/ann", params={"mail": "ann@example.org"})).status_code == 503
    assert (await browser.get("/users/ann")).status_code == 404


async def test_health_is_reported(browser):
    assert (await browser.get("/healthy")).json() is True


async def test_the_clients_are_closed_with_the_application(etcd_options):
    app = create_app({"clients": {"users": etcd_options, "flags": etcd_options}})
    async with http_client(app):
        users = app.state.etcd.get("users")
        assert await users.get("ann").string() is None
    with pytest.raises(ClientClosedError):
        await users.get("ann").string()
