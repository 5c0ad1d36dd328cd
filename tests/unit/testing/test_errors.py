"""Errors of test servers."""

import pickle

import pytest

from etcd_factory.errors import EtcdFactoryError
from etcd_factory.testing import BinaryNotFoundError, ServerError


@pytest.mark.parametrize("error", [BinaryNotFoundError("etcd"), ServerError("no disk"), ServerError("no disk", "log")])
def test_they_pickle(error):
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied), vars(copied)) == (type(error), str(error), vars(error))
    assert isinstance(copied, EtcdFactoryError)


def test_a_server_error_ends_with_the_log():
    assert str(ServerError("it failed")) == "it failed"
    assert str(ServerError("it failed", "one\ntwo")) == "it failed; the last lines of its log:\none\ntwo"


def test_a_missing_program_is_a_missing_file():
    with pytest.raises(FileNotFoundError, match="no 'etcd' found"):
        raise BinaryNotFoundError("etcd")
