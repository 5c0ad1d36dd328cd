"""What those who sit at a stream keep of it: the messages of one of two watches."""

from __future__ import annotations

MINE, OTHERS = 1, 2  # watches: messages of the first one are kept


def keeping(kept, value):
    """A function that keeps a message as this value."""

    def keep(done):
        kept.append(value)
        done()
        return True

    return keep


def prepare_mine(kept, value):
    """A function that lets a message of the first watch be kept as its ``value(reply)``."""
    return lambda reply: keeping(kept, value(reply)) if reply.watch_id == MINE else None
