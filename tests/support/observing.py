"""What hooks of ``on_call`` have got: a ``Recorder`` of it, each under the name of its class."""

from __future__ import annotations

import pytest

from .watching import Recorder


class Observer(Recorder):
    """A hook that records what it gets."""

    def hook(self, activity):
        """The hook."""
        self(type(activity).__name__, activity)

    def of(self, kind):
        """What it got of one class, in order."""
        return [activity for _, activity in self.calls if type(activity) is kind]


@pytest.fixture
def observer():
    """A hook that records what it gets."""
    return Observer()
