"""Web applications served on a free port of the loopback address, and requests to them."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, contextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import uvicorn

HOST = "127.0.0.1"


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, *_):
        pass


@asynccontextmanager
async def serving_asgi(app):
    """Serve an ASGI application with uvicorn; yields an HTTP client of it."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    with socket.create_server((HOST, 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with httpx.AsyncClient(base_url=url(listener.getsockname()[1]), timeout=30) as browser:
                yield browser
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def serving_aiohttp(app):
    """Serve an application of aiohttp; yields an HTTP client of it."""
    from aiohttp import web

    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        async with httpx.AsyncClient(base_url=url(runner.addresses[0][1]), timeout=30) as browser:
            yield browser
    finally:
        await runner.cleanup()


@contextmanager
def serving_wsgi(app):
    """Serve a WSGI application in a thread; yields an HTTP client of it."""
    with make_server(HOST, 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with httpx.Client(base_url=url(server.server_port), timeout=30) as browser:
                yield browser
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serving_preloaded(folder, environment, module):
    """Serve ``module:app`` of a folder by two workers of gunicorn, forked once it is loaded; yields a client."""
    path = os.pathsep.join([str(folder), os.getcwd()])
    command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "-b", f"{HOST}:0", f"{module}:app"]
    server = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environment, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True
    )
    with server, server.stderr as log:
        try:
            line = next((line for line in log if "Listening at" in line), "it ended")
            with httpx.Client(base_url=re.search(r"http://[\d.:]+", line)[0], timeout=30) as browser:
                yield browser
        finally:
            server.terminate()
            rest = log.read()
    assert server.returncode == 0, rest


async def texts_of_web_socket(app, path):
    """What an ASGI application sends to a web socket; its lifespan runs meanwhile, without a server."""
    sent, received = [], iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])

    async def receive():
        return next(received)

    async def send(message):
        sent.append(message)

    async with app.router.lifespan_context(app) as state:
        scope = {"type": "websocket", "path": path, "headers": [], "query_string": b"", "subprotocols": []}
        await app({**scope, "state": dict(state)}, receive, send)
    return [message["text"] for message in sent if "text" in message]


def url(port):
    """The address of a server."""
    return f"http://{HOST}:{port}"
