"""Clients in Celery's workers, without etcd: no client does I/O before its first call."""

from __future__ import annotations

import pytest
from celery import Celery
from celery.signals import worker_process_shutdown, worker_shutdown

from etcd_factory.errors import ClientClosedError
from etcd_factory.integrations.celery import Etcd

CONFIG = {"clients": {"a": {"namespace": "a/"}}}


@pytest.fixture
def etcd():
    one = Etcd(Celery("tasks"), CONFIG)
    yield one
    one.close()


def test_a_task_gets_the_client_of_a_name(etcd):
    assert etcd.get("a").options.namespace == "a/"


def test_the_configuration_may_be_that_of_the_application():
    app = Celery("tasks")
    app.conf.etcd = CONFIG
    etcd = Etcd(app)
    assert etcd.get("a").options.namespace == "a/"
    etcd.close()


@pytest.mark.parametrize("signal", [worker_process_shutdown, worker_shutdown], ids=["process", "worker"])
def test_it_is_closed_as_a_worker_ends(etcd, signal):
    factory = etcd.factory
    signal.send(sender=None, pid=1, exitcode=0)
    with pytest.raises(ClientClosedError):
        factory.get("a")
