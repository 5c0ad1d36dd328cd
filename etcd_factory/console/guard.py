"""Who may ask: requests for the served names, from the page itself, with the token.

The token is in the fragment of the printed address, which browsers send nowhere: not to the server, so that no log has
it, nor to other sites. The page takes it out of the address, keeps it in the ``sessionStorage`` of its tab, and sends
it as a header. No cookie: browsers send those of 127.0.0.1 to every port of it, so to each other program that serves
there, and with requests that other sites make. A header that only the page can set does neither.

Other sites cannot ask in its name, either. They let their name be resolved to 127.0.0.1 (DNS rebinding): then it stands
in ``Host``. Or they send a request across (CSRF): then they are the ``Origin``. Changes need an ``Origin``, and
``--write``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from secrets import compare_digest

from attrs import frozen
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .values import Json

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d+)?", re.IGNORECASE)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
READS = ("GET", "HEAD")
API = "/api/"

# Nothing but the page's own scripts and styles, from here; no text becomes markup (Trusted Types), no frames.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@frozen
class Refusal:
    """Why a request is refused."""

    status: int
    error: str


@frozen(eq=False)
class Guard:
    """An ASGI application that passes on to ``app`` what may be asked. ``names`` are those of the served hosts."""

    app: ASGIApp
    token: str
    names: Collection[str] = LOOPBACK
    is_writable: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self.refusal(scope["method"], scope["path"], Headers(scope=scope))
        refused = refusal and Json({"error": refusal.error, "kind": "Refused"}, refusal.status)
        await (refused or self.app)(scope, receive, answer)

    def refusal(self, method: str, path: str, headers: Headers) -> Refusal | None:
        """Return why a request is refused, None if it is not."""
        host, origins, changes = headers.get("host", ""), headers.getlist("origin"), method not in READS
        if not self.is_served(headers.getlist("host")):
            return Refusal(403, "this console is not served under that name; see --allow-host")
        if any(origin not in (f"http://{host}", f"https://{host}") for origin in origins):
            return Refusal(403, "requests of other sites are refused")
        if path.startswith(API) and not self.is_authorized(headers.getlist("authorization")):
            return Refusal(401, "the token is missing or wrong: open the address that `etcd-factory console` printed")
        if changes and not origins:
            return Refusal(403, "changes need the header Origin, which the page sends")
        if changes and not self.is_writable:
            return Refusal(403, "this console is read-only; start it with --write to change keys")
        return None

    def is_served(self, hosts: list[str]) -> bool:
        """Whether the one ``Host`` is a served name, on any port: ssh may forward another one."""
        found = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        return found is not None and found[1].lower() in self.names

    def is_authorized(self, given: list[str]) -> bool:
        """Whether a header has the token; how long that takes tells nothing about it."""
        return len(given) == 1 and compare_digest(given[0].encode(), f"Bearer {self.token}".encode())
