"""``python -m tests.soak --minutes 4 --face asyncio``: run a soak, print its figures, end non-zero on a violation."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from etcd_factory.testing.binary import find_binary

from .figures import lines
from .run import Plan, soak


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that the servers are ended too
    logging.getLogger("etcd_factory").setLevel(logging.ERROR)  # that connections break is no news here
    plan = Plan(
        options.face,
        60 * options.minutes,
        options.every,
        options.seed,
        options.ttl,
        options.binary,
        options.kills,
        options.batching,
    )
    with progress(plan.seconds) as tick:
        scene, faults = asyncio.run(soak(plan, tick))
    print(*lines(plan, scene, faults), sep="\n")
    sys.exit(1 if scene.violations else 0)


def arguments():
    parser = argparse.ArgumentParser("python -m tests.soak", description=__doc__)
    parser.add_argument("--face", choices=["asyncio", "blocking"], default="asyncio")
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="time between two faults")
    parser.add_argument("--seed", type=int, default=0, help="decides the faults and what is written")
    parser.add_argument("--ttl", type=int, default=2, help="seconds, of the shortest leases")
    parser.add_argument("--binary", type=Path, default=find_binary(), metavar="PATH", help="etcd to run")
    parser.add_argument("--batching", choices=["reads", "all"], default=False, help="merge concurrent calls")
    parser.add_argument("--no-kills", dest="kills", action="store_false", help="shut members down, kill none")
    return parser.parse_args()


@contextmanager
def progress(seconds):
    """Report faults on stderr: in a progress bar if rich is installed, else in lines."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield lambda now, text: print(f"{now:.0f} of {seconds:g} s: {text}", file=sys.stderr)
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=seconds)
        yield lambda now, text: bar.update(task, completed=now, description=text)


if __name__ == "__main__":
    main()
