"""What the results say."""

from __future__ import annotations

from collections.abc import Iterator

from .suite import Results

# What can't pass in either.
BROKEN = {"TestClient.test_user_pwd_auth": "it patches a module etcdrpc, and there is only etcd3.etcdrpc"}
# What may be lost, and must be back with the tenacity of that time.
WAITS = "to wait for a lock, python-etcd3 gives tenacity a function of two numbers, which only tenacity before 7 takes"
LOCK = (
    "TestEtcd3.test_lock_acquire",
    "TestEtcd3.test_lock_acquire_none",
    "TestEtcd3.test_lock_contended",
    "TestEtcd3.test_lock_double_acquire_release",
)
REASONS = BROKEN | dict.fromkeys(LOCK, WAITS)


def passed(results: Results) -> set[str]:
    """The tests that passed."""
    return {test for test, fault in results.items() if not fault}


def lost(plain: Results, ours: Results) -> list[str]:
    """What passes plain and not through ours."""
    return sorted(passed(plain) - passed(ours))


def surprises(plain: Results, ours: Results, mended: Results) -> Iterator[str]:
    """What stands against the claim; ``mended`` is what was lost, run once more with the older tenacity."""
    gone = lost(plain, ours)
    if not passed(plain):
        yield "nothing passes plain"
    yield from (f"{test} does not pass plain" for test in sorted(plain.keys() - passed(plain) - BROKEN.keys()))
    yield from (f"{test} passes plain, and not through etcd.raw" for test in gone if test not in LOCK)
    yield from (f"{test} is lost with the older tenacity too" for test in LOCK if test in {*gone} - passed(mended))


def report(plain: Results, ours: Results, mended: Results) -> Iterator[str]:
    """All results as lines of text, and why some did not pass."""
    yield from table(plain, ours)
    yield f"plain: {len(passed(plain))} of {len(plain)} passed; raw: {len(passed(ours))} of {len(ours)}"
    yield from section("pass in neither", sorted({*plain, *ours} - passed(plain) - passed(ours)), {**ours, **plain})
    yield from section("pass plain, not through etcd.raw", lost(plain, ours), ours)
    yield f"of these pass through etcd.raw with the older tenacity: {len(passed(mended))}"


def table(plain: Results, ours: Results) -> Iterator[str]:
    """Each test with both results."""
    yield "plain   raw     test"
    for test in {**plain, **ours}:
        yield f"{word(plain, test):8}{word(ours, test):8}{test}"


def word(results: Results, test: str) -> str:
    """One result."""
    return "failed" if results.get(test) else "passed" if test in results else "absent"


def section(title: str, tests: list[str], faults: Results) -> Iterator[str]:
    """So many tests, and each with why, as it was said and as it is known."""
    yield f"{title}: {len(tests)}"
    for test in tests:
        yield "; ".join([f"  {test}", *filter(None, (faults.get(test), REASONS.get(test)))])
