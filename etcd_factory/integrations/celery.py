"""Clients in Celery's workers: ``etcd = Etcd(app, config)``, then ``etcd.get("instance1")`` in the tasks.

Each process of a pool has its factory, opened at its first use or inherited from the process that forked it.
"""

from __future__ import annotations

from typing import Any

from etcd_factory.factory.shared import Given, SharedFactory
from etcd_factory.options.secret import masked_options

try:
    from celery import Celery
    from celery.signals import worker_process_shutdown, worker_shutdown
except ImportError as error:
    raise ImportError("etcd_factory.integrations.celery needs Celery: pip install 'etcd-factory[celery]'") from error


class Etcd(SharedFactory):
    """The factory of a Celery application, closed as a worker, or a process of its pool, ends.

    ``config`` is a directory or file to load, or the configuration itself, by default ``app.conf.etcd``, without it the
    directory ``config``; or a factory, which is not closed.
    """

    def __init__(self, app: Celery, config: Given = None) -> None:
        config = masked_options(config)
        super().__init__(app.conf.get("etcd") if config is None else config)
        worker_process_shutdown.connect(self.ended)
        worker_shutdown.connect(self.ended)

    def ended(self, **_: Any) -> None:
        """Close the factory."""
        self.close()
