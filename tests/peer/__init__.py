"""python-etcd3's own tests, plain and through ``etcd.raw``: ``tox -e peer``, or ``python -m tests.peer``.

They show that ``etcd.raw`` is compatible: whatever passes on protobuf 3.20, with the libraries of their time, passes
through ``etcd.raw`` with today's, such as protobuf 7. Only the lock does not, and it does with the tenacity of that
time. The tests come from python-etcd3's release on PyPI, which needs the network; each run has a cluster of its own.
"""
