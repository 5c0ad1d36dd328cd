"""A Python service beside services of kratos and go-zero: it finds theirs, and they find it.

Starts its own etcd; the other registrations are written as those systems write them. Needs
pip install 'etcd-factory[server]'.
"""

from __future__ import annotations

from etcd_factory import ETCDService
from etcd_factory.registry import ServiceRegistry
from etcd_factory.testing import EtcdServer

KRATOS = '{"id":"b1","name":"user","version":"v2","metadata":{"zone":"b"},"endpoints":["grpc://10.0.0.2:9000?isSecure=false"]}'


def main() -> None:
    """Register in kratos' format, and read go-zero's too."""
    with EtcdServer() as server, ETCDService({"hosts": server.endpoint}) as etcd:
        etcd.put("/microservices/user/b1").value(KRATOS)
        etcd.put("user/7587864068988009477").value("10.0.0.3:9000")

        registry = ServiceRegistry(etcd, format="kratos", read=["go_zero"])
        with registry.register("user", "a1", {"zone": "a", "version": "v2"}, host="10.0.0.1", port=9000) as own:
            print("what kratos reads:", etcd.get("/microservices/user/a1").string())
            for one in registry.discover("user"):
                print(f"{one.id:20} {one.address} {dict(one.metadata)}")
            own.pause()  # kratos has no status: the key is removed until resume()
            print("while it is paused:", [one.id for one in registry.discover("user")])


if __name__ == "__main__":
    main()
