"""The conftest of the plain run: the default address of a client is that of the cluster."""

import os
from urllib.parse import urlparse

import etcd3

CLUSTER = urlparse(os.environ["PYTHON_ETCD_HTTP_URL"])

etcd3.client.__defaults__ = (CLUSTER.hostname, CLUSTER.port, *etcd3.client.__defaults__[2:])
