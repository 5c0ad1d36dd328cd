"""Services and module trees that several tests of modules use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

from etcd_factory.nest import Application, DynamicModule, Identity, Inject, Provider, module

ModuleLike = type[object] | DynamicModule


class AppService:
    """Holds one text."""

    def __init__(self) -> None:
        self.text = ""


class Controller:
    """Reads and writes the text of the service that its module sees."""

    def __init__(self, service: AppService) -> None:
        self.service = service

    def set(self, text: str) -> None:
        self.service.text = text

    def get(self) -> str:
        return self.service.text


class AppController(Controller):
    """The controller of the root module."""


class UserController(Controller):
    """The controller of an imported module."""


class Http:
    """A client configured by an address."""

    def __init__(self, base_url: Annotated[str, Inject("base_url")]) -> None:
        self.base_url = base_url


@module(providers=[Http], exports=[Http])
class HttpModule:
    """Provides ``Http`` for a base URL."""

    @staticmethod
    def register(base_url: str, **parts: object) -> DynamicModule:
        return DynamicModule(HttpModule, providers=[Provider("base_url", use_value=base_url)], **parts)


def providing(value: object, is_global: bool = False) -> type[object]:
    """Return a module that exports a value under the token ``"t"``."""

    @module(providers=[Provider("t", use_value=value)], exports=["t"], is_global=is_global)
    class Providing:
        pass

    return Providing


def importing(*imports: ModuleLike, providers: tuple[type[object] | Provider, ...] = ()) -> type[object]:
    """Return a root module with these imports and providers."""

    @module(imports=imports, providers=providers)
    class App:
        pass

    return App


def left_and_right(left: ModuleLike, right: ModuleLike) -> type[object]:
    """Return a root module that imports ``Left`` and ``Right``, which import one of the given modules each."""

    @module(imports=[left])
    class Left:
        pass

    @module(imports=[right])
    class Right:
        pass

    return importing(Left, Right)


def is_shared(left: ModuleLike, right: ModuleLike, token: object = Http, identity: Identity = "value") -> bool:
    """Whether two modules that import one of these each see the same instance of the token."""
    with Application(left_and_right(left, right), identity=identity) as app:
        return app.select("Left").get(token) is app.select("Right").get(token)


def resource(name: str, log: list[str], *, fails: bool = False) -> Provider:
    """Return a provider that logs when it is started and stopped, and the error that stopped it."""

    def open_resource():
        log.append(f"+{name}")
        error = yield name
        log.append(f"-{name}")
        if error is not None:
            log.append(repr(error))
        if fails:
            raise OSError(name)

    return Provider(name, use_factory=open_resource)


def async_resource(name: str, log: list[str], *, fails: bool = False) -> Provider:
    """Return the same with an async generator."""

    async def open_resource():
        await asyncio.sleep(0)
        log.append(f"+{name}")
        error = yield name
        await asyncio.sleep(0)
        log.append(f"-{name}")
        if error is not None:
            log.append(repr(error))
        if fails:
            raise OSError(name)

    return Provider(name, use_factory=open_resource)


def layered(log: list[str], kind: Callable[..., Provider] = resource, *, fails: bool = False) -> type[object]:
    """Return a root that imports a module that imports another, each with one resource."""

    @module(providers=[kind("low", log, fails=fails)])
    class Low:
        pass

    @module(imports=[Low], providers=[kind("middle", log)])
    class Middle:
        pass

    @module(imports=[Middle], providers=[kind("top", log, fails=fails)])
    class Top:
        pass

    return Top
