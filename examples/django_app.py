"""etcd in Django: one factory for the project, used by all of its threads and by the processes that a server forks.

A project of one file; in yours the settings are in ``settings.py``: ``ETCD = BASE_DIR / "config"``.
Run as a program it starts its own etcd, runs ``manage.py check`` and makes some requests. Needs
pip install 'etcd-factory[server,django]'.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from etcd_factory.integrations import django as etcd
from etcd_factory.testing import EtcdServer


def create_app(config: Mapping[str, Any] | None = None) -> WSGIHandler:
    """Return the project's WSGI application, on a configuration or on the directory ``config``."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        ETCD=config,
        INSTALLED_APPS=["etcd_factory.integrations.django"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=secrets.token_hex(),
    )
    django.setup()
    return WSGIHandler()


def visits(request: HttpRequest, name: str) -> HttpResponse:
    """Return the number of visits, and count one if it is a PUT."""
    if request.method == "PUT":
        return HttpResponse(f"visit {etcd.get('visits').increment(name)} of {name}")
    found = etcd.get("visits").get(name).string()
    if found is None:
        raise Http404(f"no visits of {name}")
    return HttpResponse(found)


urlpatterns = [path("visits/<name>", visits), path("ready", etcd.ready)]


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Do nothing."""


def ask(port: int, method: str, where: str) -> None:
    """Print the answer to a request."""
    browser = HTTPConnection("127.0.0.1", port)
    browser.request(method, where)
    answer = browser.getresponse()
    found = answer.read().decode().strip() if answer.status == 200 else answer.reason
    print(f"{method} {where}  {answer.status} {found[:32]}")
    browser.close()


def main() -> None:
    """Check the project, serve on a free port, and make some requests."""
    with EtcdServer() as server:
        app = create_app({"clients": {"visits": {"hosts": server.endpoint, "namespace": "visits/"}}})
        call_command("check", tags=["etcd"], deploy=True, no_color=True)
        with make_server("127.0.0.1", 0, app, handler_class=Quiet) as listener:
            thread = threading.Thread(target=listener.serve_forever)
            thread.start()
            for method in ("GET", "PUT", "PUT", "GET"):
                ask(listener.server_port, method, "/visits/rome")
            ask(listener.server_port, "GET", "/ready")
            listener.shutdown()
            thread.join()
        etcd.close()


if __name__ == "__main__":
    main()
