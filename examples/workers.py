"""One factory for a process and for the workers that it forks: multiprocessing here, Celery's prefork pool as well.

Each worker uses the clients of the factory as if it had made them. In Celery write ``etcd = Etcd(app, config)``, with
``etcd_factory.integrations.celery``. Starts its own etcd (pip install 'etcd-factory[server]').
"""

from __future__ import annotations

import multiprocessing

from etcd_factory.factory import SharedFactory
from etcd_factory.testing import EtcdServer

JOBS = range(20)


def work(shared: SharedFactory, job: int) -> None:
    """Add the number of a job to the sum."""
    shared.get("jobs").increment("sum", by=job)


def run(shared: SharedFactory, first: int) -> None:
    """Work on every fourth job, in a process of its own."""
    for job in JOBS[first::4]:
        work(shared, job)
    shared.close()


def main() -> None:
    """Work in four processes, two of which are forked before the factory is used, two after."""
    context = multiprocessing.get_context("fork")
    with EtcdServer() as server:
        shared = SharedFactory({"clients": {"jobs": {"hosts": server.endpoint, "namespace": "jobs/"}}})
        workers = [context.Process(target=run, args=(shared, first)) for first in range(4)]
        for worker in workers[:2]:
            worker.start()
        work(shared, 1000)
        for worker in workers[2:]:
            worker.start()
        for worker in workers:
            worker.join()
        print("exit codes", [worker.exitcode for worker in workers])
        print("sum       ", shared.get("jobs").get("sum").string())
        shared.close()


if __name__ == "__main__":
    main()
