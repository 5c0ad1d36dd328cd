"""The main job in one run: a real etcd, a layered configuration, and the clients that come out of it.

Starts an etcd of its own (pip install 'etcd-factory[server]'), runs one program under two environments, and ends
without leaving a process or a file behind.
"""

from __future__ import annotations

import os
from pathlib import Path

from etcd_factory import ETCDService, ETCDServiceFactory, explain_config
from etcd_factory.testing import EtcdServer

CONFIG = Path(__file__).parent.parent / "config"


def show(what: str, result: object = "") -> None:
    """One line: what was done, and what came back."""
    print(f"  {what:<58} {f'-> {result!r}' if result != '' else ''}".rstrip())


def round_trip(etcd: ETCDService) -> None:
    """Write, read, list and delete."""
    show('etcd.put("foo").value("bar")', etcd.put("foo").value("bar"))
    show('etcd.get("foo").string()', etcd.get("foo").string())
    show('etcd.get_all().prefix("f").keys()', etcd.get_all().prefix("f").keys())
    show("etcd.delete().all()", etcd.delete().all())
    show('etcd.get("foo").string()', etcd.get("foo").string())


def program(env: str) -> None:
    """What an application does, whatever its environment."""
    print(f"\nconfig.default.yaml, then config.{env}.yaml:")
    for key, found in explain_config(CONFIG, env=env).items():
        if found.layer.endswith(f"config.{env}.yaml"):
            show(f"{key} = {found.value!r}")

    with ETCDServiceFactory.from_config(CONFIG, env=env) as factory:
        print(f"\nthe default client, {factory.get()!r}:")
        round_trip(factory.get())

        print("\nnamed clients, each in its own namespace:")
        for name in ("instance1", "instance2"):
            factory.get(name).put("who").value(name)
        for name in ("instance1", "instance2"):
            show(f'factory.get("{name}").get_all().strings()', factory.get(name).get_all().strings())
            factory.get(name).delete().all()

        print("\na client made at run time:")
        hosts = factory.get().options.hosts
        instance3 = factory.create_instance({"hosts": hosts, "namespace": "instance3/"}, "instance3")
        show('factory.get("instance3") is instance3', factory.get("instance3") is instance3)
        show('instance3.put("n").value(42)', instance3.put("n").value(42))
        show('instance3.get("n").number()', instance3.get("n").number())
        instance3.delete().all()

        print("\nall of them:")
        for name, health in factory.health().items():
            show(f"{name}, {health.priority} priority", "well" if health.ok else health.error)


def main() -> None:
    """Start the server, run the program twice, stop the server."""
    print("starting etcd ...", flush=True)
    with EtcdServer() as server:
        print(f"etcd {server.version} answers at {server.endpoint}")
        os.environ["ETCD_ENDPOINT"] = server.endpoint
        program("local")
        program("unittest")
    print("\netcd is stopped, its files are removed")


if __name__ == "__main__":
    main()
