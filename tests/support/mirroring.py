"""Mirrors: opening one, and what it should hold."""

from __future__ import annotations

from .faces import settle


def open_mirror(client, prefix=""):
    """Open a mirror; await it in either face."""
    return settle(client.mirror(prefix))


async def stored(client, prefix=""):
    """Return what etcd has under a prefix, which a mirror should hold."""
    return {kv.key: kv for kv in await settle(client.get_all().prefix(prefix).kvs())}


async def caught_up(mirror, client):
    """Wait until the mirror has everything that etcd has now."""
    await settle(mirror.wait((await settle(client.get("").exec())).revision))


def fresh(mirror, key="k"):
    """Return the text of a linearizable read; await it in either face."""
    return settle(mirror.get(key, fresh=True).string())
