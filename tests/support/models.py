"""A model of etcd's store as a table of dicts: what reads and deletions of ranges must return."""

from __future__ import annotations

from etcd_factory import KeyValue


class StoreModel:
    """Keys with their values in order, at each revision."""

    def __init__(self, revision):
        self.revision = revision
        self.states = {revision: {}}

    @property
    def state(self):
        return self.states[self.revision]

    def _commit(self, state):
        self.revision += 1
        self.states[self.revision] = state
        return self.revision

    def put(self, key, value):
        """Put a key; returns the revision."""
        revision, old = self.revision + 1, self.state.get(key)
        created, version = (old.create_revision, old.version + 1) if old else (revision, 1)
        return self._commit({**self.state, key: KeyValue(key, value, created, revision, version)})

    def delete(self, first, last):
        """Delete a range; returns how many keys it had. A deletion of nothing makes no revision."""
        gone = {kv.key for kv in self.range(first, last)}
        if gone:
            self._commit({key: kv for key, kv in self.state.items() if key not in gone})
        return len(gone)

    def range(self, first, last, revision=None):
        """Return the entries from ``first`` up to ``last``, None for the end of all keys, in the order of keys."""
        state = self.states[self.revision if revision is None else revision]
        return [state[key] for key in sorted(state) if first <= key and (last is None or key < last)]

    def prefixed(self, prefix, revision=None):
        """Return the entries whose keys begin with a prefix."""
        return [kv for kv in self.range(b"", None, revision) if kv.key.startswith(prefix)]
