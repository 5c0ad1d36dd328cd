from __future__ import annotations

import pytest

from etcd_factory.cli.leases import number


def test_an_id_is_hexadecimal():
    assert number("ff") == 255


def test_another_text_is_an_error_that_says_so(run):
    with pytest.raises(ValueError, match="hexadecimal, as `lease ls` prints it, not 'x'"):
        number("x")
    done = run("lease", "revoke", "x", "--hosts", "127.0.0.1:1")
    assert done.code == 2
