"""A program whose log level follows a key in etcd while it runs.

An unknown level would be refused: the last good one stays, and the reason is logged.
Starts its own etcd (pip install 'etcd-factory[server]').
"""

from __future__ import annotations

import logging
import sys
from queue import Queue

from attrs import field, frozen, validators

from etcd_factory import ETCDService
from etcd_factory.configcenter import ConfigCenter
from etcd_factory.testing import EtcdServer

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

log = logging.getLogger("shop")


@frozen
class Settings:
    """What can be changed at run time."""

    level: str = field(default="INFO", validator=validators.in_(LEVELS))


def log_all() -> None:
    """Log a message at each level."""
    log.debug("a detail")
    log.info("a step")
    log.warning("a surprise")


def main() -> None:
    """Change the level three times."""
    logging.basicConfig(stream=sys.stdout, format="  %(levelname)-8s%(message)s", level="ERROR")
    with EtcdServer() as server, ETCDService({"hosts": server.endpoint}) as etcd:
        center = ConfigCenter(etcd, "shop/")
        changed: Queue[str] = Queue()

        def follow(old: Settings, new: Settings) -> None:
            log.setLevel(new.level)
            changed.put(f"{old.level} -> {new.level}")

        with center.live(Settings) as live:
            live.on_change(follow)
            log.setLevel(live.value.level)
            print("at the start", live.value.level)
            log_all()
            for level in ("DEBUG", "WARNING", "INFO"):
                center.save("level", level)
                print(changed.get(timeout=30))
                log_all()


if __name__ == "__main__":
    main()
