"""How a call reaches etcd: endpoints, token, deadline, retries."""
