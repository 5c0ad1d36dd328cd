"""A test of code on etcd without a server and without waiting: what happens when the owner of a lock is gone.

Needs nothing but the package: the etcd is in memory, and its clock is moved by hand.
"""

from __future__ import annotations

from etcd_factory import ETCDService
from etcd_factory.errors import LockFailedError
from etcd_factory.testing import FakeEtcd


def run_once(etcd: ETCDService, worker: str) -> str:
    """Run a job unless another worker does: the code to be tested."""
    try:
        with etcd.lock("job", ttl=30).acquire(timeout=0):
            return f"{worker} runs the job"
    except LockFailedError:
        return f"{worker} leaves it to another"


def main() -> None:
    """Let one worker take the lock and vanish, and another one try."""
    with FakeEtcd() as fake, fake.client() as etcd:
        etcd.lock("job", ttl=30).acquire()  # by a worker that then hangs
        print(run_once(etcd, "ann"))
        fake.advance(30)
        print(run_once(etcd, "bob"))


if __name__ == "__main__":
    main()
