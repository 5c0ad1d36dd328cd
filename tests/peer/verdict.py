"""What the results mean."""

from __future__ import annotations

from collections.abc import Iterator

from .suite import Results

# Tests that cannot pass on either side.
BROKEN = {"TestClient.test_user_pwd_auth": "it patches a module etcdrpc, and there is only etcd3.etcdrpc"}
# Tests that may fail through ``etcd.raw``, and must pass with the tenacity of that time.
WAITS = "to wait for a lock, python-etcd3 passes tenacity a function of two numbers, which only tenacity before 7 takes"
LOCK = (
    "TestEtcd3.test_lock_acquire",
    "TestEtcd3.test_lock_acquire_none",
    "TestEtcd3.test_lock_contended",
    "TestEtcd3.test_lock_double_acquire_release",
)
REASONS = BROKEN | dict.fromkeys(LOCK, WAITS)


def passed(results: Results) -> set[str]:
    """Return the tests that passed."""
    return {test for test, fault in results.items() if not fault}


def lost(plain: Results, ours: Results) -> list[str]:
    """Return the tests that pass plain and not through ``etcd.raw``."""
    return sorted(passed(plain) - passed(ours))


def surprises(plain: Results, ours: Results, older: Results) -> Iterator[str]:
    """Yield the unexpected results; ``older`` has those of the lost tests with the older tenacity."""
    gone = lost(plain, ours)
    if not passed(plain):
        yield "nothing passes plain"
    yield from (f"{test} does not pass plain" for test in sorted(plain.keys() - passed(plain) - BROKEN.keys()))
    yield from (f"{test} passes plain, and not through etcd.raw" for test in gone if test not in LOCK)
    yield from (f"{test} fails with the older tenacity too" for test in LOCK if test in {*gone} - passed(older))


def report(plain: Results, ours: Results, older: Results) -> Iterator[str]:
    """Yield all results as lines of text, with the reasons of failures."""
    yield from table(plain, ours)
    yield f"plain: {len(passed(plain))} of {len(plain)} passed; raw: {len(passed(ours))} of {len(ours)}"
    yield from section("pass in neither", sorted({*plain, *ours} - passed(plain) - passed(ours)), {**ours, **plain})
    yield from section("pass plain, not through etcd.raw", lost(plain, ours), ours)
    yield f"of these pass through etcd.raw with the older tenacity: {len(passed(older))}"


def table(plain: Results, ours: Results) -> Iterator[str]:
    """Yield a line for each test, with both results."""
    yield "plain   raw     test"
    for test in {**plain, **ours}:
        yield f"{outcome(plain, test):8}{outcome(ours, test):8}{test}"


def outcome(results: Results, test: str) -> str:
    """Return one result."""
    return "failed" if results.get(test) else "passed" if test in results else "absent"


def section(title: str, tests: list[str], faults: Results) -> Iterator[str]:
    """Yield the number of tests, then each with its failure and the known reason."""
    yield f"{title}: {len(tests)}"
    for test in tests:
        yield "; ".join([f"  {test}", *filter(None, (faults.get(test), REASONS.get(test)))])
