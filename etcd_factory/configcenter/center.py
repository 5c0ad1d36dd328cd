"""A configuration center on etcd: values that change at run time, validated before they are used."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar, overload

from attrs import frozen
from omegaconf import DictConfig

from etcd_factory.config.sources import Source
from etcd_factory.config.variable_values import read
from etcd_factory.core.arguments import count
from etcd_factory.core.bound import Bound, Guarded, opener, operation, untyped
from etcd_factory.core.call.view import View
from etcd_factory.core.face import Async, F, Opening, Sync
from etcd_factory.core.kv.txn import ops
from etcd_factory.core.op import Op
from etcd_factory.errors import CompactedError, KeyNotFoundError
from etcd_factory.model import KeyValue, PutResponse
from etcd_factory.service import AsyncETCDService, ETCDService, Service, view_of
from etcd_factory.wire import replies

from .entries import audience, key_of, spellings, text, to_text
from .fallback import Codec, codec_of
from .live import NOT_GIVEN, Live, NotGiven
from .plan import Plan

T = TypeVar("T")

File = str | os.PathLike[str]
Sources = Iterable[Source]
Awaited: TypeAlias = Coroutine[Any, Any, T]


@frozen
class Version:
    """A value that a key has had, from ``revision`` on."""

    revision: int
    value: Any


class Center(Guarded, Bound[F]):
    """What both faces share. Creating one does no I/O.

    A value is stored as YAML under ``<prefix><key>``; ``db/port`` and ``db.port`` are the same place in the tree, and
    both spellings find it. ``instance`` and ``groups`` select overrides: a value saved ``only`` for one of these names
    takes precedence over the value for all, the instance's over those of groups, a later group's over an earlier one's.
    ``fallback`` is the default file of ``live``; only its owner can read it, and a ``codec`` encrypts it.

    Values in etcd are data: whoever may write one key must not read the environment of whoever reads it. With
    ``resolve=True`` interpolations in them, as ``${oc.env:HOME}`` or ``${db.host}``, are resolved by ``load`` and
    ``live``, also in a layer of ``load_config``. Those in ``sources`` always are.
    """

    _run: View
    _service: ClassVar[type[Service[Any]]]

    def __init__(
        self,
        etcd: Service[F],
        prefix: str = "config/",
        *,
        instance: str | None = None,
        groups: Iterable[str] = (),
        fallback: File | None = None,
        resolve: bool = False,
        codec: Codec | None = None,
    ) -> None:
        self._run = view_of(etcd, self._service, type(self).__name__)
        if not isinstance(prefix, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a prefix must be a str, not {type(prefix).__name__}")
        self._prefix: str = f"{prefix.rstrip('/')}/" if prefix else ""
        names: list[str] = [groups] if isinstance(groups, str) else [*groups]
        self._names: tuple[str, ...] = tuple(map(audience, names if instance is None else [*names, instance]))
        self._fallback, self._resolve, self._codec = fallback, resolve, codec_of(codec)

    @operation
    async def save(self, key: str, value: object, *, only: str | None = None) -> PutResponse:
        """Save a value: text, a number, a bool, None, a list or a mapping.

        ``only`` is the name of an instance or a group. Raises ``ValueError`` or ``TypeError`` if the value cannot be
        written as YAML.
        """
        name = self._prefix + key_of(key, only)
        try:
            written = to_text(value, resolve=self._resolve)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name!r}: {error}") from error
        return await self._run.execute(ops.put(name).value(written))

    @operation
    async def get(self, key: str, default: Any = None) -> Any:
        """Return the value that applies here, or ``default`` if there is none.

        Raises ``ConfigError`` if what is stored is not YAML.
        """
        names = [key_of(spelling, one) for one in (*reversed(self._names), None) for spelling in spellings(key_of(key))]
        reads = [ops.get(self._prefix + name).op() for name in names]
        fields = {"compare": (), "success": reads, "failure": ()}
        found = await self._run.execute(Op("reads", fields, replies.txn_response(reads, ())))  # retried as a read
        return next((value_of(one.kvs[0], resolve=self._resolve) for one in found.results if one.kvs), default)

    @operation
    async def delete(self, key: str, *, only: str | None = None) -> bool:
        """Delete a value; returns whether there was one."""
        reply = await self._run.execute(ops.delete().key(self._prefix + key_of(key, only)))
        return reply.deleted > 0

    @overload
    def load(self: Center[Sync], cls: type[T], *, sources: Sources = (), env: str | None = None) -> T: ...
    @overload
    def load(self: Center[Sync], cls: None = None, *, sources: Sources = (), env: str | None = None) -> DictConfig: ...
    @overload
    def load(self: Center[Async], cls: type[T], *, sources: Sources = (), env: str | None = None) -> Awaited[T]: ...
    @overload
    def load(
        self: Center[Async], cls: None = None, *, sources: Sources = (), env: str | None = None
    ) -> Awaited[DictConfig]: ...
    @untyped
    @operation
    async def load(self, cls: type[T] | None = None, *, sources: Sources = (), env: str | None = None) -> T:
        """Return the configuration as it is now: an instance of ``cls``, or an OmegaConf tree.

        ``cls`` is an attrs class, a dataclass or a pydantic model. ``sources`` are lower layers, read as by
        ``load_config`` for the environment ``env``. Raises ``ConfigError`` listing every problem with its key in etcd.
        """
        plan = self._plan(cls, sources, env)
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
        default: object = ...,
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
        default: object = ...,
        sources: Sources = (),
        env: str | None = None,
    ) -> Opening[Live[Async, DictConfig]]: ...
    @untyped
    @opener
    async def live(
        self,
        cls: type[T] | None = None,
        fallback: File | None = None,
        *,
        default: T | NotGiven = NOT_GIVEN,
        sources: Sources = (),
        env: str | None = None,
    ) -> Live[F, T]:
        """Return a configuration that is always current; see ``Live``. The arguments of ``load`` mean the same here.

        The last good configuration is written to the file ``fallback``, and read from it if etcd is unreachable at the
        start or its values are invalid. If the file is missing or cannot be used, ``default`` is the value; without a
        default the error is raised.
        """
        file = self._fallback if fallback is None else fallback
        path = None if file is None else Path(file)
        live: Live[F, T] = Live(self._run, self._plan(cls, sources, env), path, self._codec)
        await live.begin(default)
        return live

    def _plan(self, cls: type[T] | None, sources: Sources, env: str | None) -> Plan[T]:
        return Plan(cls, self._prefix, self._names, tuple(sources), env, self._resolve)

    @operation
    async def history(self, key: str, *, only: str | None = None, limit: int = 100) -> list[Version]:
        """Return the values that the key has had, newest first, back to its creation or to the last compaction.

        A key that does not exist has no history here; ``rollback`` can still restore it from a revision that had it.
        """
        name, most = self._prefix + key_of(key, only), count(limit, "a limit")
        found: list[Version] = []
        at = 0  # the latest
        with suppress(CompactedError):
            while len(found) < most and (kv := await self._run.execute(ops.get(name).revision(at).kv())) is not None:
                found.append(Version(kv.mod_revision, value_of(kv, resolve=self._resolve)))
                at = kv.mod_revision - 1
        return found

    @operation
    async def rollback(self, key: str, revision: int, *, only: str | None = None) -> PutResponse:
        """Save again the value that the key had at this revision of the store.

        Raises ``KeyNotFoundError`` if it had none, ``CompactedError`` if that revision is compacted.
        """
        name = self._prefix + key_of(key, only)
        found = await self._run.execute(ops.get(name).revision(count(revision, "a revision")).kv())
        if found is None:
            raise KeyNotFoundError(f"{name!r} had no value at revision {revision}")
        return await self._run.execute(ops.put(name).value(found.value))


class ConfigCenter(Center[Sync]):
    """A configuration center on an ``ETCDService``: ``ConfigCenter(etcd).live(Settings).value``."""

    _service = ETCDService


class AsyncConfigCenter(Center[Async]):
    """A configuration center on an ``AsyncETCDService``: ``(await AsyncConfigCenter(etcd).live(Settings)).value``."""

    _service = AsyncETCDService


def value_of(kv: KeyValue, *, resolve: bool) -> object:
    """Return a stored value; raises ``ConfigError`` naming the key if it is not YAML."""
    return read(text(kv.value), f"etcd {text(kv.key)}", resolve=resolve)
