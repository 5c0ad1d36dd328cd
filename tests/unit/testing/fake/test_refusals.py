"""etcd's refusals, by name."""

import pytest

from etcd_factory.errors import Code, EtcdError
from etcd_factory.testing.fake.refusals import REFUSALS, refused, unimplemented


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_is_an_error_with_etcds_own_status_and_text(what):
    error = refused(what)
    assert isinstance(error, EtcdError)
    assert (error.code, error.message) == REFUSALS[what]
    assert error is not refused(what)


def test_what_is_left_out_names_the_method_and_what_to_use():
    error = unimplemented("Maintenance.Snapshot")
    assert error.code == Code.UNIMPLEMENTED
    assert "Maintenance.Snapshot" in error.message
    assert "EtcdServer" in error.message
