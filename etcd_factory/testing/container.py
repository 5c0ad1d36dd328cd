"""etcd in a container, for testcontainers-python, which has no etcd module."""

from __future__ import annotations

from typing import Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from etcd_factory.compat import Self

from .docker_engine import IMAGE, engine_missing, scratch_image
from .errors import ServerError
from .flags import READY

__all__ = ["IMAGE", "PORT", "EtcdContainer", "engine_missing", "scratch_image"]

PORT = 2379
READY_S = 60

# Settings by environment rather than by flags: images differ in whether arguments follow a command or are one.
SETTINGS = {
    "ETCD_LISTEN_CLIENT_URLS": f"http://0.0.0.0:{PORT}",
    "ETCD_ADVERTISE_CLIENT_URLS": f"http://127.0.0.1:{PORT}",
    "ETCD_LOG_LEVEL": "info",
}


class EtcdContainer(DockerContainer):
    """One etcd server in a container.

    >>> with EtcdContainer() as etcd:  # doctest: +SKIP
    ...     ETCDService({"hosts": etcd.endpoint})

    ``env`` has more settings of etcd, as ``ETCD_...``; other arguments are ``DockerContainer``'s.
    """

    def __init__(self, image: str = IMAGE, *, env: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(image, env=SETTINGS | (env or {}), **kwargs)
        self.with_exposed_ports(PORT)
        ready = LogMessageWaitStrategy(READY)
        self.waiting_for(ready.with_startup_timeout(READY_S).with_poll_interval(0.1))

    def start(self) -> Self:
        """Start it and wait until it serves.

        Raises ``ServerError`` with its log if it does not serve within 60 s; the container is removed.
        """
        try:
            return super().start()
        except (RuntimeError, TimeoutError) as error:
            log = b"".join(self.get_logs()).decode(errors="replace")
            self.stop()
            raise ServerError(f"the container of {self.image} did not become ready", log) from error

    @property
    def endpoint(self) -> str:
        """The endpoint for clients outside of the container: ``host:port``."""
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The one endpoint, as the ``hosts`` of a client."""
        return (self.endpoint,)

    @property
    def url(self) -> str:
        """The endpoint with its scheme."""
        return f"http://{self.endpoint}"
