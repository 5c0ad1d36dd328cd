"""The web console: one page on the clients of a factory (extra ``console``, command ``etcd-factory console``)."""
