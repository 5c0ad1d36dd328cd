from __future__ import annotations

import pytest

from etcd_factory.errors import ConfigError


@pytest.fixture
def faults():
    """The texts of all faults of one call."""

    def faults(call, *args, **kwargs):
        with pytest.raises(ConfigError) as caught:
            call(*args, **kwargs)
        return [str(fault) for fault in caught.value.faults]

    return faults
