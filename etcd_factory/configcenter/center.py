"""A configuration centre on etcd: values that are changed at run time, checked before they count."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, overload

from attrs import frozen
from omegaconf import DictConfig

from etcd_factory.config.sources import Source
from etcd_factory.config.variables import read
from etcd_factory.core.arguments import count
from etcd_factory.core.bound import Bound, opener, operation, untyped
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Opening, Sync
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.op import Op
from etcd_factory.errors import CompactedError, KeyNotFoundError
from etcd_factory.model import KeyValue, PutResponse
from etcd_factory.service import AsyncETCDService, ETCDService, view_of
from etcd_factory.wire import replies

from .entries import audience, key_of, spellings, text, written
from .live import Live
from .plan import Plan

T = TypeVar("T")

File = str | os.PathLike[str]
Sources = Iterable[Source]

NOT_GIVEN: Any = object()


@frozen
class Version:
    """A value that a key has had, from ``revision`` on."""

    revision: int
    value: Any


class Center(Bound[F]):
    """What both faces have. Making one does no I/O.

    A value stands under ``<prefix><key>`` as YAML; ``db/port`` and ``db.port`` are the same place in the tree, and are
    both found, however the key was written.
    ``instance`` and ``groups`` say whom this one is for: values saved ``only`` for them count before those for all, the
    instance's own before its groups'.
    """

    _run: View
    _service: type[Any]

    def __init__(
        self,
        etcd: Any,
        prefix: str = "config/",
        *,
        instance: str | None = None,
        groups: Iterable[str] = (),
        fallback: File | None = None,
    ) -> None:
        self._run = view_of(etcd, self._service, type(self).__name__)
        self._prefix: str = f"{prefix.rstrip('/')}/" if prefix else ""
        names: list[str] = [groups] if isinstance(groups, str) else [*groups]
        self._names: tuple[str, ...] = tuple(map(audience, names if instance is None else [*names, instance]))
        self._fallback = fallback

    @operation
    async def save(self, key: str, value: Any, *, only: str | None = None) -> PutResponse:
        """Put a value: text, a number, a bool, None, a list or a mapping. ``only`` names an instance or a group."""
        put = ops.put(self._prefix + key_of(key, only)).value(written(value))
        return await self._run.execute(put)

    @operation
    async def get(self, key: str, default: Any = None) -> Any:
        """The value that counts here, ``default`` if there is none. ``ConfigError`` if it is no YAML."""
        names = [key_of(spelled, name) for name in (*reversed(self._names), None) for spelled in spellings(key_of(key))]
        reads = [ops.get(self._prefix + name).op() for name in names]
        fields = {"compare": (), "success": reads, "failure": ()}
        found = await self._run.execute(Op("reads", fields, replies.txn_response(reads, ())))
        return next((value_of(one.kvs[0]) for one in found.results if one.kvs), default)

    @operation
    async def delete(self, key: str, *, only: str | None = None) -> bool:
        """Take a value away; whether there was one."""
        gone = await self._run.execute(ops.delete().key(self._prefix + key_of(key, only)))
        return gone.deleted > 0

    @overload
    def load(self: Center[Sync], cls: type[T], *, sources: Sources = (), env: str | None = None) -> T: ...
    @overload
    def load(self: Center[Sync], cls: None = None, *, sources: Sources = (), env: str | None = None) -> DictConfig: ...
    @overload
    def load(
        self: Center[Async], cls: type[T], *, sources: Sources = (), env: str | None = None
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def load(
        self: Center[Async], cls: None = None, *, sources: Sources = (), env: str | None = None
    ) -> Coroutine[Any, Any, DictConfig]: ...
    @untyped
    @operation
    async def load(self, cls: Any = None, *, sources: Sources = (), env: str | None = None) -> Any:
        """The whole configuration as it is now: an OmegaConf tree, or an instance of ``cls``.

        ``cls`` is an attrs class, a dataclass or a pydantic model. ``sources`` are layers beneath, as ``load_config``
        reads them. ``ConfigError`` has all that is wrong, each fault with its key in etcd.
        """
        plan = Plan.of(cls, self._prefix, self._names, sources, env)
        found = await self._run.execute(ops.get_all().prefix(self._prefix).kvs())
        cut = len(self._prefix.encode())
        return await plan.build_aside(self._run.client.runtime, {text(kv.key[cut:]): text(kv.value) for kv in found})

    @overload
    def live(
        self: Center[Sync],
        cls: type[T],
        fallback: File | None = None,
        *,
        default: T = ...,
        sources: Sources = (),
        env: str | None = None,
    ) -> Live[Sync, T]: ...
    @overload
    def live(
        self: Center[Sync],
        cls: None = None,
        fallback: File | None = None,
        *,
        default: Any = ...,
        sources: Sources = (),
        env: str | None = None,
    ) -> Live[Sync, DictConfig]: ...
    @overload
    def live(
        self: Center[Async],
        cls: type[T],
        fallback: File | None = None,
        *,
        default: T = ...,
        sources: Sources = (),
        env: str | None = None,
    ) -> Opening[Live[Async, T]]: ...
    @overload
    def live(
        self: Center[Async],
        cls: None = None,
        fallback: File | None = None,
        *,
        default: Any = ...,
        sources: Sources = (),
        env: str | None = None,
    ) -> Opening[Live[Async, DictConfig]]: ...
    @untyped
    @opener
    async def live(
        self,
        cls: Any = None,
        fallback: File | None = None,
        *,
        default: Any = NOT_GIVEN,
        sources: Sources = (),
        env: str | None = None,
    ) -> Any:
        """The configuration that is always current; see ``Live``. ``cls``, ``sources`` and ``env`` are as in ``load``.

        Where etcd is away at the start, or has what can't be used, the last good configuration is read from the file
        ``fallback``; where there is none, or it can't be used either, ``default`` is the value; without one the error
        is raised.
        """
        plan = Plan.of(cls, self._prefix, self._names, sources, env)
        file = self._fallback if fallback is None else fallback
        live: Live[F, Any] = Live(self._run, plan, None if file is None else Path(file))
        await live.begin(default, default is not NOT_GIVEN)
        return live

    @operation
    async def history(self, key: str, *, only: str | None = None, limit: int = 100) -> list[Version]:
        """The values that the key has had, the newest first, back to its creation or to the last compaction.

        A key that is not there has none here: ``rollback`` still brings it back from a revision that had it.
        """
        name, most = self._prefix + key_of(key, only), count(limit, "a limit")
        found: list[Version] = []
        read = ops.get(name)
        with suppress(CompactedError):
            while len(found) < most and (kv := await self._run.execute(read.kv())) is not None:
                found.append(Version(kv.mod_revision, value_of(kv)))
                read = ops.get(name).revision(kv.mod_revision - 1)
        return found

    @operation
    async def rollback(self, key: str, revision: int, *, only: str | None = None) -> PutResponse:
        """Put the value that the key had at this revision of the store.

        ``KeyNotFoundError`` if it had none, ``CompactedError`` if that is forgotten.
        """
        name = self._prefix + key_of(key, only)
        found = await self._run.execute(ops.get(name).revision(count(revision, "a revision")).kv())
        if found is None:
            raise KeyNotFoundError(f"{name!r} had no value at revision {revision}")
        return await self._run.execute(ops.put(name).value(found.value))


class ConfigCenter(Center[Sync]):
    """A configuration centre on an ``ETCDService``: ``ConfigCenter(etcd).live(Settings).value``."""

    _service = ETCDService


class AsyncConfigCenter(Center[Async]):
    """The same on an ``AsyncETCDService``: ``(await AsyncConfigCenter(etcd).live(Settings)).value``."""

    _service = AsyncETCDService


def value_of(kv: KeyValue) -> Any:
    """A stored value; ``ConfigError`` names the key of one that is no YAML."""
    return read(text(kv.value), f"etcd {text(kv.key)}")
