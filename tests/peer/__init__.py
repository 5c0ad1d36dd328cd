"""python-etcd3's own tests, plain and through ``etcd.raw``: ``tox -e peer``, or ``python -m tests.peer``.

It shows that they are a fair measure of ``etcd.raw``: what passes on protobuf 3.20, with the libraries of their time,
passes through ours with today's, protobuf 7 among them. Only the lock does not, and it does with the tenacity of that
time. The tests come from python-etcd3's release on PyPI, so the network is needed; each run has a cluster of its own.
"""
