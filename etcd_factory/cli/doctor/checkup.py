"""All checks of one client, in the order in which a connection comes about; what cannot work any more is left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from etcd_factory.errors import EtcdError
from etcd_factory.io.http2.host import Host, host
from etcd_factory.options.hosts import is_srv
from etcd_factory.service import ETCDService

from . import access, certificates, latency, members, network
from .finding import Finding, failed, ok
from .probe import page

SILENT = {"name", "connection", "TLS", "proxy", "member"}  # checks whose failure means that a host does not answer
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
    hosts = of_hosts(quick, clock)
    found += [finding for one in hosts for finding in one]
    sample: list[float] = []
    if any(all(one.level != "failed" or one.check == "certificate" for one in checks) for checks in hosts):
        found += access.access(quick)
        sample = sampled(quick, found)
        found += quorum(hosts) if sample else ()
    return Report(name, tuple(found), tuple(sample))


def of_hosts(etcd: ETCDService, clock: Clock) -> list[list[Finding]]:
    """Return the findings of each host."""
    options = etcd.options
    if is_srv(options.hosts[0]):
        return [[network.service(options.hosts[0], secure=options.secure, timeout=FRESH)]]
    return [list(of_host(etcd, host(url, options), clock)) for url in options.hosts]


def quorum(hosts: Sequence[Sequence[Finding]]) -> Iterator[Finding]:
    """Yield that the cluster works where not every host does."""
    failures = [{one.check for one in checks if one.level == "failed"} for checks in hosts]
    answering = sum(not checks & SILENT for checks in failures)
    if answering < len(hosts):
        serves = "reads" if any("alarm" in checks for checks in failures) else "reads and writes"
        yield ok("cluster", f"{answering} of {len(hosts)} hosts answer; the cluster serves {serves}")


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
        found.append(failed("latency", f"reads fail now and then: {error.message or error}", latency.ADVICE))
        return []
    found.append(latency.judged(sample))
    return sample
