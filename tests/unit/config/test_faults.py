from __future__ import annotations

import pickle

import pytest

from etcd_factory.config.faults import AsyncConfigError, AsyncFault, error_for, noted
from etcd_factory.errors import ConfigError, Fault

FAULT, ASYNC = Fault("a.yaml", "x", "wrong"), AsyncFault("a.py", "", "async")


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ((FAULT,), ConfigError),
        ((ASYNC,), AsyncConfigError),
        ((ASYNC, FAULT), ConfigError),
        ((ASYNC,) * 2, AsyncConfigError),
    ],
)
def test_the_error_is_about_async_only_if_all_faults_are(faults, kind):
    error = error_for(iter(faults))
    assert (type(error), error.faults) == (kind, faults)


def test_noted_faults_are_kept_and_not_raised():
    faults = [ASYNC]
    with noted(faults):
        raise ConfigError(FAULT, "other")
    assert faults == [ASYNC, FAULT, Fault("", "", "other")]


def test_other_errors_are_not_suppressed():
    with pytest.raises(ZeroDivisionError), noted([]):
        raise ZeroDivisionError


def test_the_error_of_the_blocking_face_can_be_pickled():
    error = AsyncConfigError(FAULT)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.faults) == (AsyncConfigError, error.faults)
