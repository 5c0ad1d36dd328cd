"""``host:port``, as Go writes and reads it."""

from __future__ import annotations

from ipaddress import IPv6Address

from etcd_factory.registry.instance import ServiceInstance


def address_of(instance: ServiceInstance) -> str:
    """Return ``host:port``; ``ValueError`` if one of them is missing, or cannot be part of it."""
    if not instance.host or instance.port is None:
        raise ValueError(f"{instance.service} must be registered with host and port: others read its address")
    if not is_host(instance.host):
        raise ValueError(f"the host of {instance.service} cannot be part of an address: {instance.host!r}")
    return instance.address


def split(address: str) -> tuple[str, int]:
    """Return host and port of an address; ``ValueError`` if it is none.

    An IPv6 host may lack its brackets: kitex-contrib/registry-etcd joins host and port without them.
    """
    host, _, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535 and is_host(bare)):
        raise ValueError("it is not host:port")  # it is not shown: others may have written anything there
    return bare, int(port)


def is_host(host: str) -> bool:
    """Whether it is an IPv6 address, or a name without what separates the parts of a URL or a key."""
    if ":" in host:
        return is_ipv6(host.partition("%")[0])
    return bool(host) and not any(one in "/?#@[]" or one.isspace() for one in host)


def is_ipv6(host: str) -> bool:
    """Whether it is an IPv6 address without a zone."""
    try:
        return bool(IPv6Address(host))
    except ValueError:
        return False
