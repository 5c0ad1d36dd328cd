"""Free ports."""

import socket

from etcd_factory.testing.tcp_ports import HOST, RANGE, free_ports, is_free


def test_free_ports_differ_and_can_be_listened_on():
    ports = free_ports(3)
    assert len(set(ports)) == 3
    assert all(port in RANGE for port in ports)
    for port in ports:
        socket.create_server((HOST, port)).close()


def test_a_port_with_a_listener_is_not_free():
    with socket.create_server((HOST, 0)) as listener:
        assert not is_free(listener.getsockname()[1])
