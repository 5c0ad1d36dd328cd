from __future__ import annotations

import pytest


@pytest.mark.parametrize("command", ["lock", "elect"])
def test_a_host_that_is_away_ends_the_wait_for_it(run, command):
    done = run(command, "name", "--wait", "0.1", "--hosts", "127.0.0.1:1", "--timeout", "1")
    assert done.code in (1, 3)
    assert "error: " in done.err


@pytest.mark.parametrize("command", ["lock", "elect"])
def test_a_name_is_needed(run, command):
    assert run(command).code == 2
