"""Levels of loggers that follow keys in etcd while the program runs: ``etcdctl put logging/shop.orders DEBUG``.

Starts its own etcd (pip install 'etcd-factory[server]').
"""

from __future__ import annotations

import logging
import sys
from logging.handlers import QueueHandler
from queue import Queue

from etcd_factory import ETCDService
from etcd_factory.integrations.logging import log_levels
from etcd_factory.testing import EtcdServer

log = logging.getLogger("shop.orders")


def say(changed: logging.LogRecord) -> None:
    """Log at two levels, after a change was reported."""
    print(changed.getMessage())
    log.debug("a detail")
    log.info("a step")


def main() -> None:
    """Change the level of a logger, and see that it is followed."""
    logging.basicConfig(stream=sys.stdout, format="  %(levelname)-8s%(message)s", level="INFO")
    changes: Queue[logging.LogRecord] = Queue()
    reports = logging.getLogger("etcd_factory.logging")
    reports.addHandler(QueueHandler(changes))
    reports.propagate = False
    with EtcdServer() as server, ETCDService({"hosts": server.endpoint}) as etcd, log_levels(etcd):
        for level in ("DEBUG", "WARNING"):
            etcd.put("logging/shop.orders").value(level)
            say(changes.get(timeout=30))
        etcd.delete().key("logging/shop.orders")
        say(changes.get(timeout=30))


if __name__ == "__main__":
    main()
