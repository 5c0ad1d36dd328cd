"""Routes of keys: finding, reading, their history, changing one only if it is as it was shown."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from etcd_factory.errors import CompactedError
from etcd_factory.model import CasResponse, KeyValue
from etcd_factory.service import AsyncETCDService

from . import tree
from .scene import Scene, body_of, key_of, number_of
from .values import Json, decoded, encoded, fields

SHOWN = 64 * 1024  # bytes of a value, unless all are asked for
PREVIEW = 200  # bytes of a value in a list
EARLIER = 20  # revisions of one answer
SEARCHES = {"contains": tree.containing, "begins": tree.beginning}


async def children(scene: Scene, request: Request) -> Response:
    """Answer what is directly below a prefix, and how many keys it has in all."""
    etcd, prefix = scene.client(request), key_of(request, "prefix")
    page = await tree.children(etcd, prefix, key_of(request, "start"))
    return Json({**listed(page), "count": await etcd.get_all().prefix(prefix).count()})


async def search(scene: Scene, request: Request) -> Response:
    """Answer keys that contain a text, or begin with it; ``next`` says where to search on."""
    find = SEARCHES["begins" if request.query_params.get("how") == "begins" else "contains"]
    return Json(listed(await find(scene.client(request), key_of(request, "text"), key_of(request, "start"))))


def listed(page: tree.Page) -> dict[str, object]:
    """Return a page as JSON has it."""
    rest = None if page.next is None else encoded(page.next)
    return {"keys": [*map(encoded, page.keys)], "next": rest, "searched": page.searched}


async def read(scene: Scene, request: Request) -> Response:
    """Answer a key with the beginning of its value, or with ``all``; as it was at a ``revision``."""
    reader, revision = scene.client(request).get(key_of(request)), number_of(request, "revision")
    answer = await (reader.revision(revision) if revision else reader).exec()
    limit = len(answer.kvs[0].value) if answer.kvs and "all" in request.query_params else SHOWN
    found = fields(answer.kvs[0], limit) if answer.kvs else None
    return Json({"kv": found, "revision": answer.revision})


async def history(scene: Scene, request: Request) -> Response:
    """Answer the key as it was, the latest first: back to its creation, or as far as etcd remembers.

    ``end`` says why the list ends, ``next`` is the revision to go on at.
    """
    found, end, rest = await earlier(scene.client(request), key_of(request), number_of(request, "before"))
    return Json({"kvs": [fields(kv, PREVIEW) for kv in found], "end": end, "next": rest})


async def earlier(etcd: AsyncETCDService, key: bytes, before: int) -> tuple[list[KeyValue], str, int | None]:
    """Return the states of a key up to a revision, why there are no more, and where to go on."""
    found, reader = list[KeyValue](), etcd.get(key)
    try:
        kv = await (reader.revision(before) if before else reader).kv()
        while kv is not None:
            found.append(kv)
            if kv.mod_revision == kv.create_revision:
                return found, "It was created then. What was before an earlier deletion is not shown.", None
            if len(found) == EARLIER:
                return found, "", kv.mod_revision - 1
            kv = await reader.revision(kv.mod_revision - 1).kv()
    except CompactedError as error:
        return found, f"Earlier revisions are gone: {error}", None
    return found, "There is no such key.", None


async def write(scene: Scene, request: Request) -> Response:
    """Write a value if the key is still at the revision ``if_revision``; 0 creates it. It keeps its lease."""
    body = await body_of(request)
    revision, value = body.get("if_revision"), decoded(body.get("value"))
    if not isinstance(revision, int):
        raise ValueError("if_revision: expected the revision at which the key was last changed")
    putting = scene.client(request).put(decoded(body.get("key"))).if_revision(revision)
    return changed(await (putting.ignore_lease() if revision else putting).value(value))


async def delete(scene: Scene, request: Request) -> Response:
    """Delete a key if it is still at the revision ``if_revision``."""
    deleting = scene.client(request).delete().if_revision(number_of(request, "if_revision"))
    return changed(await deleting.key(key_of(request)))


def changed(answer: CasResponse) -> Response:
    """Answer the new revision, or 409 and why nothing was changed."""
    if answer.succeeded:
        return Json({"revision": answer.revision})
    at = (
        f"somebody changed the key at revision {answer.current.mod_revision}"
        if answer.current
        else "there is no such key any more"
    )
    current = fields(answer.current, SHOWN) if answer.current else None
    return Json({"error": f"Nothing was changed: {at}.", "kind": "Conflict", "current": current}, 409)
