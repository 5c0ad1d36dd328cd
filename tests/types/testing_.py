"""What the test doubles return, as type checkers see it."""

from __future__ import annotations

from typing_extensions import assert_type

from etcd_factory import AsyncETCDService, AsyncETCDServiceFactory, ETCDService, ETCDServiceFactory
from etcd_factory.core.ports import Transport
from etcd_factory.testing import FakeEtcd, ScriptedTransport, mock

fake = FakeEtcd(real_time=True, quota=1)
transports: list[Transport] = [fake.transport(), fake.atransport()]


def clients() -> None:
    assert_type(fake.client(namespace="n/"), ETCDService)
    assert_type(fake.aclient({"hosts": "h:1"}), AsyncETCDService)
    assert_type(fake.factory({"client": {"hosts": "h:1"}}), ETCDServiceFactory)
    assert_type(fake.afactory(), AsyncETCDServiceFactory)
    with fake.installed("h:1") as installed:
        assert_type(installed, FakeEtcd)
    assert_type(fake.advance(1.5), None)
    assert_type(fake.start(), FakeEtcd)


def mocks(etcd: ETCDService, aetcd: AsyncETCDService) -> None:
    with mock(etcd) as target:
        assert_type(target, FakeEtcd)
    with mock(aetcd, ScriptedTransport([])) as script:
        assert_type(script, ScriptedTransport)
    mock("etcd")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
