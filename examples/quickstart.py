"""The main job in one run: a real etcd, a layered configuration, and the clients that come out of it.

Starts an etcd of its own (pip install 'etcd-factory[server]'), runs one program under two environments, and ends
without leaving a process or a file behind. Where rich is installed ('etcd-factory[cli]') it shows a progress bar.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from etcd_factory import ETCDServiceFactory, explain_config
from etcd_factory.testing import EtcdServer

CONFIG = Path(__file__).parent.parent / "config"
HAS_RICH = find_spec("rich") is not None
COLUMNS = ("environment", "client", "namespace", "healthy", "a read takes")
Part = Callable[[ETCDServiceFactory], None]


def show(what: str, result: object = "") -> None:
    """One line: what was done, and what came back."""
    print(f"  {what:<58} {f'-> {result!r}' if result != '' else ''}".rstrip())


def default_client(factory: ETCDServiceFactory) -> None:
    """Write, read, list and delete."""
    etcd = factory.get()
    print(f"\nthe default client, {etcd!r}:")
    show('etcd.put("foo").value("bar")', etcd.put("foo").value("bar"))
    show('etcd.get("foo").string()', etcd.get("foo").string())
    show('etcd.get_all().prefix("f").keys()', etcd.get_all().prefix("f").keys())
    show("etcd.delete().all()", etcd.delete().all())
    show('etcd.get("foo").string()', etcd.get("foo").string())


def named_clients(factory: ETCDServiceFactory) -> None:
    """Write by each client, and see that it reads only its own."""
    print("\nnamed clients, each in its own namespace:")
    for name in ("instance1", "instance2"):
        factory.get(name).put("who").value(name)
    for name in ("instance1", "instance2"):
        show(f'factory.get("{name}").get_all().strings()', factory.get(name).get_all().strings())
        factory.get(name).delete().all()


def one_more(factory: ETCDServiceFactory) -> None:
    """Make a client that no file has."""
    print("\na client made at run time:")
    hosts = factory.get().options.hosts
    instance3 = factory.create_instance({"hosts": hosts, "namespace": "instance3/"}, "instance3")
    show('factory.get("instance3") is instance3', factory.get("instance3") is instance3)
    show('instance3.put("n").value(42)', instance3.put("n").value(42))
    show('instance3.get("n").number()', instance3.get("n").number())
    instance3.delete().all()


def program(env: str) -> list[Sequence[str]]:
    """What an application does, whatever its environment; returns a row for each client."""
    print(f"\nconfig.default.yaml, then config.{env}.yaml:")
    for key, found in explain_config(CONFIG, env=env).items():
        if found.layer.endswith(f"config.{env}.yaml"):
            show(f"{key} = {found.value!r}")
    with ETCDServiceFactory.from_config(CONFIG, env=env) as factory:
        for part in tracked([default_client, named_clients, one_more], env):
            part(factory)
        return [(env, *row) for row in healths(factory)]


def healths(factory: ETCDServiceFactory) -> Iterator[Sequence[str]]:
    """Yield the name, the namespace and the health of each client."""
    for name, health in factory.health().items():
        namespace = str(factory.get(name).options.namespace)
        yield name, namespace, "yes" if health.ok else f"no: {health.error}", f"{health.latency * 1000:.1f} ms"


def tracked(parts: Sequence[Part], description: str) -> Iterable[Part]:
    """Return the parts, with a progress bar where rich is installed and a terminal is there."""
    if not HAS_RICH:
        return parts
    from rich.progress import track

    return track(parts, description, transient=True)


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Print all clients, in a frame where rich is installed."""
    if not HAS_RICH:
        for row in (COLUMNS, *rows):
            print("  ".join(f"{cell:<20}" for cell in row).rstrip())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main() -> None:
    """Start the server, run the program twice, stop the server."""
    print("starting etcd ...", flush=True)
    with EtcdServer() as server:
        print(f"etcd {server.version} answers at {server.endpoint}")
        os.environ["ETCD_ENDPOINT"] = server.endpoint
        rows = [*program("local"), *program("unittest")]
    print("\nall clients:")
    show_table(rows)
    print("etcd is stopped, its files are removed")


if __name__ == "__main__":
    main()
