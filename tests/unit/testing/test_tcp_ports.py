"""Free ports."""

import gc
import socket

import pytest

from etcd_factory.testing import tcp_ports
from etcd_factory.testing.tcp_ports import HOST, RANGE, free_ports, is_free, share


class Holder:
    """Whose ports they are."""


def test_free_ports_differ_and_can_be_listened_on():
    ports = free_ports(3)
    assert len(set(ports)) == 3
    assert all(port in RANGE for port in ports)
    for port in ports:
        socket.create_server((HOST, port)).close()


def test_a_port_is_its_holder_s_until_that_is_gone(monkeypatch):
    holder = Holder()
    few = free_ports(2, holder)
    monkeypatch.setattr(tcp_ports, "share", lambda: few)
    with pytest.raises(OSError, match="1 free ports are needed, and only 0 of 2 ports from 15000 on are free"):
        free_ports(1, Holder())
    del holder
    gc.collect()
    assert {*free_ports(2, Holder())} == {*few}


def test_a_port_with_a_listener_is_not_free():
    with socket.create_server((HOST, 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_workers_share_the_ports(monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    seen = []
    for number in range(3):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        seen += share()
        assert set(free_ports(2)) <= set(share())
    assert sorted(seen) == list(RANGE)
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw4")  # which took the place of one that crashed
    assert share()[0] == RANGE[1]


@pytest.mark.parametrize(("name", "count"), [("", ""), ("gw1", ""), ("master", "2")])
def test_without_workers_all_ports_are_drawn(monkeypatch, name, count):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", name)
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", count)
    assert share() == RANGE


def test_few_ports_are_enough_for_many_workers(monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw7")
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "200")
    assert set(free_ports(2)) <= set(share())
