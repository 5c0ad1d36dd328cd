"""etcd in Flask: one factory for the application, used by all of its threads.

Run it with ``flask --app flask_app run``; it reads the directory ``config``. Run as a program it starts its own etcd
and makes some requests. Needs pip install 'etcd-factory[server,flask]'.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any

from flask import Blueprint, Flask, abort
from werkzeug.serving import WSGIRequestHandler, make_server

from etcd_factory.integrations.flask import Etcd
from etcd_factory.testing import EtcdServer

etcd = Etcd()
pages = Blueprint("pages", __name__)


@pages.put("/visits/<name>")
def count(name: str) -> str:
    """Count a visit, safely from any number of threads."""
    with etcd.get("visits").lock(f"lock/{name}"):
        visits = (etcd.get("visits").get(name).number() or 0) + 1
        etcd.get("visits").put(name).value(visits)
    return f"visit {visits} of {name}"


@pages.get("/visits/<name>")
def visits(name: str) -> str:
    """Return the number of visits."""
    found = etcd.get("visits").get(name).string()
    return found or abort(404, f"no visits of {name}")


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Return the application, on a configuration or on the directory ``config``.

    A server may fork its workers before it is used or after, as with ``gunicorn --preload``.
    """
    app = Flask(__name__)
    etcd.init_app(app, config)
    app.register_blueprint(pages)
    app.get("/ready")(etcd.ready)
    return app


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Do nothing."""


def ask(port: int, method: str, path: str) -> None:
    """Print the answer to a request."""
    browser = HTTPConnection("127.0.0.1", port)
    browser.request(method, path)
    answer = browser.getresponse()
    print(f"{method} {path}  {answer.status} {answer.read().decode().splitlines()[-1][:32]}")
    browser.close()


def main() -> None:
    """Serve on a free port, and make some requests."""
    with EtcdServer() as server:
        app = create_app({"clients": {"visits": {"hosts": server.endpoint, "namespace": "visits/"}}})
        with make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet) as listener:
            thread = threading.Thread(target=listener.serve_forever)
            thread.start()
            for method in ("GET", "PUT", "PUT", "GET"):
                ask(listener.server_port, method, "/visits/rome")
            ask(listener.server_port, "GET", "/ready")
            listener.shutdown()
            thread.join()
        app.extensions["etcd"].close()


if __name__ == "__main__":
    main()
