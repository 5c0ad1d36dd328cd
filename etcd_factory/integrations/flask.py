"""Clients in Flask: ``etcd = Etcd(app, config)``, then ``etcd.get("instance1")`` in the views.

The factory is opened at its first use, whether a server forks its workers before that or after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etcd_factory.factory.shared import Given, SharedFactory, readiness
from etcd_factory.options.secret import masked_options

try:
    from flask import Flask, Response, current_app, jsonify
except ImportError as error:
    raise ImportError("etcd_factory.integrations.flask needs Flask: pip install 'etcd-factory[flask]'") from error

if TYPE_CHECKING:
    from etcd_factory.factory import ETCDServiceFactory
    from etcd_factory.service import ETCDService

NOT_INITIALIZED = "this application has no etcd: call Etcd(app), or etcd.init_app(app)"


class Etcd:
    """The extension, for one application or, with ``init_app``, for several that each have a factory of their own.

    ``config`` is a directory or file to load, or the configuration itself, by default ``app.config["ETCD"]``, without
    it the directory ``config``; or a factory, which is not closed.
    """

    def __init__(self, app: Flask | None = None, config: Given = None) -> None:
        config = masked_options(config)
        if app is not None:
            self.init_app(app, config)

    def init_app(self, app: Flask, config: Given = None) -> None:
        """Give an application its factory, which is opened at its first use."""
        config = masked_options(config)
        settings: Any = app.config  # whose types are not complete
        app.extensions["etcd"] = SharedFactory(settings.get("ETCD") if config is None else config)

    @property
    def shared(self) -> SharedFactory:
        """What holds the factory of the present application; ``close()`` closes it until its next use."""
        found: SharedFactory | None = current_app.extensions.get("etcd")
        if found is None:
            raise RuntimeError(NOT_INITIALIZED)
        return found

    @property
    def factory(self) -> ETCDServiceFactory:
        """The factory of the present application. Raises ``ConfigError`` if it cannot be made."""
        return self.shared.factory

    def get(self, name: str | None = None) -> ETCDService:
        """Return a client of the present application; see ``ETCDServiceFactory.get``."""
        return self.shared.get(name)

    def ready(self) -> tuple[Response, int]:
        """Answer whether the application is ready, for ``app.get("/ready")(etcd.ready)``: 503 if a client is not.

        Clients of low priority do not count. Each is asked within a second.
        """
        status, body = readiness(self.factory.health())
        return jsonify(body), status
