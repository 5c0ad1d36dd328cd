"""etcd in Flask: one factory for the application, used by all of its threads.

Run it with ``flask --app flask_app run``; it reads the directory ``config``. Run as a program it starts its own etcd
and makes some requests. Needs pip install 'etcd-factory[server]' flask.
"""

from __future__ import annotations

from flask import Blueprint, Flask, abort, current_app

from etcd_factory import ETCDService, ETCDServiceFactory
from etcd_factory.testing import EtcdServer

pages = Blueprint("pages", __name__)


def client(name: str | None = None) -> ETCDService:
    """Return a client of the application that handles the request."""
    factory: ETCDServiceFactory = current_app.extensions["etcd"]
    return factory.get(name)


@pages.put("/visits/<name>")
def count(name: str) -> str:
    """Count a visit, safely from any number of threads."""
    etcd = client("visits")
    with etcd.lock(name):
        visits = (etcd.get(name).number() or 0) + 1
        etcd.put(name).value(visits)
    return f"visit {visits} of {name}"


@pages.get("/visits/<name>")
def visits(name: str) -> str:
    """Return the number of visits."""
    found = client("visits").get(name).string()
    return found or abort(404, f"no visits of {name}")


def create_app(factory: ETCDServiceFactory | None = None) -> Flask:
    """Return the application, with a factory or with one from the directory ``config``.

    A server may fork its workers before it is used or after, as with ``gunicorn --preload``.
    """
    app = Flask(__name__)
    app.extensions["etcd"] = ETCDServiceFactory.from_config() if factory is None else factory
    app.register_blueprint(pages)
    return app


def main() -> None:
    """Make some requests."""
    with (
        EtcdServer() as server,
        ETCDServiceFactory({"clients": {"visits": {"hosts": server.endpoint, "namespace": "visits/"}}}) as factory,
    ):
        browser = create_app(factory).test_client()
        for method in ("GET", "PUT", "PUT", "GET"):
            answer = browser.open("/visits/rome", method=method)
            print(f"{method} /visits/rome  {answer.status_code} {answer.text.splitlines()[-1]}")


if __name__ == "__main__":
    main()
