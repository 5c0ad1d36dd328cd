"""Uses, counted for each instance, and turns between those that are used equally often."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etcd_factory.registry.balancers.least_connections import LeastConnections
from tests.support.balancing import picks, weighing


@pytest.fixture
def chooser():
    return LeastConnections()


def use(chooser, *instances):
    for one in instances:
        chooser.begin(one)


def leave(chooser, *instances):
    for one in instances:
        chooser.end(one, 0.1, failed=False)


def test_it_picks_the_instance_with_the_fewest_uses(chooser):
    a, b, c = instances = weighing(1, 1, 1)
    use(chooser, a, a, b, c, c)
    assert picks(chooser, instances, 3) == "bbb"
    leave(chooser, a, a)
    assert picks(chooser, instances, 3) == "aaa"
    use(chooser, a, a, b)
    assert set(picks(chooser, instances, 6)) == set("abc")


def test_equally_used_instances_take_turns(chooser):
    assert picks(chooser, weighing(1, 1, 1), 6) == "abcabc"


def test_turns_go_on_where_the_list_changes(chooser):
    a, b, c, d = weighing(1, 1, 1, 1)
    assert picks(chooser, (a, b, c), 2) == "ab"
    assert picks(chooser, (a, b, c, d), 4) == "cabd"
    assert picks(chooser, (b, c, d), 4) == "cbdc"


def test_uses_are_counted_by_id_whatever_else_changes_and_forgotten_at_their_end(chooser):
    (a, b), (heavier, _) = weighing(1, 1), weighing(5, 1)
    use(chooser, a)
    assert picks(chooser, (heavier, b), 2) == "bb"
    leave(chooser, heavier)
    assert chooser._uses == {}


def test_an_instance_that_comes_back_still_has_its_uses(chooser):
    a, b = weighing(1, 1)
    chooser.pick((a, b))
    use(chooser, a)
    assert picks(chooser, (b,), 1) == "b"
    assert picks(chooser, (a, b), 2) == "bb"


def test_another_one_is_the_one_with_the_fewest_uses_of_the_rest(chooser):
    a, b, c = instances = weighing(1, 1, 1)
    use(chooser, b, b, c)
    assert chooser.another(instances, {a.id}) is c


def test_a_use_that_ends_after_a_fork_is_not_counted(chooser):
    a, b = weighing(1, 1)
    use(chooser, a)
    chooser.forget()
    leave(chooser, a)
    assert picks(chooser, (a, b), 2) == "ab"


def test_uses_of_many_threads_are_all_counted(chooser):
    instances = weighing(1, 1)
    chooser.pick(instances)

    def work(_):
        for _ in range(500):
            use(chooser, instances[0])
            leave(chooser, instances[0])

    with ThreadPoolExecutor(8) as pool:
        [*pool.map(work, range(8))]
    assert chooser._uses == {}
    assert picks(chooser, instances, 2) in {"ab", "ba"}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans(), st.sampled_from(["abcde", "abc", "de"]))))
def test_whatever_happens_the_one_picked_has_the_fewest_uses(steps):
    chooser, named = LeastConnections(), {one.id: one for one in weighing(1, 1, 1, 1, 1)}
    uses, lists = Counter(), {}
    for name, begins, listed in steps:
        if begins:
            use(chooser, named[name])
            uses[name] += 1
        elif uses[name]:
            leave(chooser, named[name])
            uses[name] -= 1
        instances = tuple(named[one] for one in sorted(listed))
        found = chooser.pick(lists.setdefault(instances, instances))  # often the same list as before
        assert uses[found.id] == min(uses[one] for one in listed)
