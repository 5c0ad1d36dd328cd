from __future__ import annotations

import pytest

from etcd_factory.console.app import ROUTES
from etcd_factory.console.guard import HEADERS, Guard
from etcd_factory.console.values import encoded
from tests.support.consoles import STATICS

ORIGIN = "http://127.0.0.1:8000"
TOKEN = {"Authorization": "Bearer the-token"}
KEY = {"key": encoded(b"k"), "value": encoded(b"changed"), "if_revision": 2}
CHANGES = [(method, path) for method, path, _ in ROUTES if method != "GET"]
READS = [path for method, path, _ in ROUTES if method == "GET"]

all_routes = pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in ROUTES])
changing = pytest.mark.parametrize(("method", "path"), CHANGES)


@pytest.fixture
def kept(etcd):
    """Fails if the key was changed or deleted."""
    etcd.put("k").value("v")
    yield
    assert etcd.get("k").string() == "v"


async def tried(client, method, path, **headers):
    """The status and the words of an answer to what would change the key."""
    answer = await client.request(method, path, params=KEY, json=KEY, headers=headers)
    return answer.status_code, answer.json()["error"]


def test_there_are_routes_that_change():
    assert {method for method, _ in CHANGES} == {"PUT", "DELETE"}


@all_routes
@pytest.mark.parametrize(
    "given", [{}, {"Authorization": "Bearer other"}, {"Authorization": "the-token"}, {"Cookie": "token=the-token"}]
)
async def test_every_route_refuses_without_its_token(guarded, kept, method, path, given):
    status, error = await tried(guarded(), method, path, Origin=ORIGIN, **given)
    assert (status, "token" in error) == (401, True)
    assert "the-token" not in error


@all_routes
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1:3000", "http://127.0.0.1", "null", "http://127.0.0.1:8000.evil.example"],
)
async def test_every_route_refuses_a_foreign_origin(guarded, kept, method, path, origin):
    assert await tried(guarded(), method, path, Origin=origin, **TOKEN) == (403, "requests of other sites are refused")


@all_routes
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "[::1]x"]
)
async def test_every_route_refuses_a_foreign_host(guarded, kept, method, path, host):
    """Also with the Origin of that host, as a name that was resolved to 127.0.0.1 has it."""
    status, error = await tried(guarded(), method, path, Host=host, Origin=f"http://{host}", **TOKEN)
    assert (status, "not served under that name" in error) == (403, True)


@changing
async def test_every_change_refuses_without_an_origin(guarded, kept, method, path):
    status, error = await tried(guarded(), method, path, **TOKEN)
    assert (status, "Origin" in error) == (403, True)


@changing
async def test_every_change_refuses_unless_writing_is_allowed(guarded, kept, method, path):
    status, error = await tried(guarded(is_writable=False), method, path, Origin=ORIGIN, **TOKEN)
    assert (status, "--write" in error) == (403, True)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ANYTHING"])
async def test_so_does_every_other_method(guarded, kept, method):
    """Whatever route is added for it."""
    assert (await guarded(is_writable=False).request(method, "/api/new", headers=TOKEN)).status_code == 403


@pytest.mark.parametrize("path", READS)
async def test_what_is_read_changes_nothing(guarded, etcd, fake, path):
    etcd.put("k").value("v")
    before = fake.revision
    if path != "/api/watch":  # its answer has no end; it is read on real servers
        answer = await guarded().get(path, params=KEY, headers=TOKEN)
        assert answer.status_code in (200, 400, 502)
    assert fake.revision == before


@changing
async def test_the_page_itself_may_change(guarded, etcd, method, path):
    etcd.put("k").value("v")
    answer = await guarded().request(method, path, params=KEY, json=KEY, headers={"Origin": ORIGIN, **TOKEN})
    assert (answer.status_code, etcd.get("k").string()) == (200, "changed" if method == "PUT" else None)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "127.0.0.1:9000", "LOCALHOST:1", "localhost"])
async def test_served_names_may_have_any_port_which_ssh_may_forward(guarded, host):
    answer = await guarded().get("/api/clients", headers={"Host": host, "Origin": f"http://{host}".lower(), **TOKEN})
    assert answer.status_code == (200 if host.islower() or host[0].isdigit() else 403)


async def test_a_name_that_was_allowed_is_served(guarded):
    client = guarded(names=("console.example",))
    headers = {"Host": "console.example", "Origin": "https://console.example"}
    assert (await client.get("/api/clients", headers=headers | TOKEN)).status_code == 200
    assert (await client.get("/", headers={"Host": "127.0.0.1"})).status_code == 403


@pytest.mark.parametrize("path", ["/", "/api/clients", "/api/none", *STATICS])
async def test_every_answer_has_the_headers_that_protect_the_page(guarded, path):
    answer = await guarded().get(path, headers=TOKEN)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not {"'unsafe-inline'", "'unsafe-eval'", "data:", "*"} & {*policy.replace(";", "").split()}


async def test_two_hosts_origins_or_tokens_are_refused(guarded):
    twice = {"host": ["127.0.0.1:8000"] * 2, "authorization": [TOKEN["Authorization"]] * 2}
    for name, values in twice.items():
        headers = [(name, one) for one in values] + ([] if name == "host" else [("host", "127.0.0.1:8000")])
        assert (await guarded().get("/api/clients", headers=headers)).status_code in (401, 403)


async def test_only_requests_are_answered():
    """No web sockets: browsers send them across sites."""

    async def never(*_):
        raise AssertionError("it was passed on")

    await Guard(never, "t")({"type": "websocket"}, never, never)
