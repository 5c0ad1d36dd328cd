"""etcd's messages on any protobuf, and values to and from them. No I/O."""
