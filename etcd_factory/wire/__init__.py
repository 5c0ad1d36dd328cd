"""etcd's messages on any protobuf, and their conversion to and from values. No I/O."""
