"""All checks of one client, in the order in which a connection comes about; what cannot work any more is left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from attrs import frozen

from etcd_factory.errors import EtcdError
from etcd_factory.io.http2.host import Host, host
from etcd_factory.service import ETCDService

from . import access, certificates, latency, members, network
from .finding import Finding, failed, ok
from .probe import page

FRESH = 3.0  # seconds that one call may take here: a checkup goes on where a client would wait

Clock = Callable[[], float]


@frozen
class Report:
    """What was found at one client; ``latencies`` are milliseconds of reads, empty if none could be made."""

    client: str
    findings: tuple[Finding, ...]
    latencies: tuple[float, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether nothing failed; there may be warnings."""
        return all(one.level != "failed" for one in self.findings)


def checkup(name: str, etcd: ETCDService, clock: Clock = time.time) -> Report:
    """Return what all checks of a client find."""
    options = etcd.options
    quick = etcd.with_options(timeout=min(options.timeout, FRESH))
    found = list(certificates.of_client(options.tls, clock()))
    if options.hosts[0].startswith("srv://"):
        found.append(ok("name", f"the hosts of {options.hosts[0]} are looked up in DNS by the client"))
        reached = True
    else:
        each = [list(of_host(quick, host(url, options), clock)) for url in options.hosts]
        found += [finding for one in each for finding in one]
        reached = any(all(one.level != "failed" or one.check == "certificate" for one in checks) for checks in each)
    sample: list[float] = []
    if reached:
        found += access.access(quick)
        sample = sampled(quick, found)
    return Report(name, tuple(found), tuple(sample))


def of_host(etcd: ETCDService, one: Host, clock: Clock) -> Iterator[Finding]:
    """Yield the findings of one host, up to the first that makes the others pointless."""
    for check in (network.name, network.connection):
        finding = check(one)
        yield finding
        if finding.level == "failed":
            return
    protocol = list(network.protocol(one, clock()))
    yield from protocol
    if not any(finding.level == "failed" for finding in protocol):
        yield network.clock(one, page(one, "/version"), clock())
        yield from members.member(etcd, one.url, one.endpoint)


def sampled(etcd: ETCDService, found: list[Finding]) -> list[float]:
    """Return how long reads take, and add what that means; nothing where reads fail."""
    if any(one.level == "failed" and one.check in ("read", "credentials") for one in found):
        return []
    try:
        sample = latency.measured(etcd)
    except EtcdError as error:
        found.append(failed("latency", f"reads fail now and then: {error}", latency.ADVICE))
        return []
    found.append(latency.judged(sample))
    return sample
