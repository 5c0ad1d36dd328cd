"""What must be true of the records of a soak; each check returns its violations, with the history around each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import pairwise, zip_longest
from operator import attrgetter, itemgetter

from attrs import evolve, field, frozen

from tests.support.history import VERSIONS, Step, is_linearizable

AROUND = 6  # steps and events that are shown before and after a violation


@frozen
class Violation:
    """What was wrong, and the lines of the history around it."""

    kind: str
    text: str
    around: tuple[object, ...] = ()

    def __str__(self):
        return "\n    ".join([f"{self.kind}: {self.text}", *map(line, self.around)])


def line(one):
    """Return a step of a register, or anything else, as a line of text."""
    if not isinstance(one, Step):
        return str(one)
    outcome = ", maybe" if not one.certain else "" if one.match else ", no match"
    expected = f" if {one.expected}" if one.kind == "swap" else ""
    return f"{one.begin:.3f} to {one.end:.3f} s: {one.kind} {one.value}{expected}{outcome}"


def near(items, index):
    """Return the items around one of them."""
    return tuple(items[max(0, index - AROUND) : index + AROUND + 1])


# --- registers


def register(key, steps, value=None):
    """Check that one order of the steps explains every response."""
    steps = sorted(steps, key=attrgetter("end"))
    if is_linearizable(steps, value):
        return []
    bad = first_bad(steps, value)
    kind, text = "register", f"no order of the calls on {key} explains this one: {line(steps[bad])}"
    return [Violation(kind, text, near(steps, bad))]


def first_bad(steps, value):
    """Return the index of the first step, in the order of their ends, up to which no order explains all."""
    return bisect_left(range(len(steps)), True, key=lambda index: not is_linearizable(until(steps, index), value))


def until(steps, index):
    """Return the steps as they were known when one of them ended."""
    now = steps[index].end
    others = [evolve(step, certain=False, match=True) for step in steps[index + 1 :]]
    return steps[: index + 1] + [step for step in others if step.kind != "read" and step.begin <= now]


# --- appends and counting


def exactly_once(kind, outcomes, found):
    """Check how often each id was found, by the outcome of the write that adds it."""
    counts = Counter(found)
    wrong = [one for one, known in outcomes.items() if counts[one] not in VERSIONS[known]]
    unknown = [one for one in counts if one not in outcomes]
    return [
        *(Violation(kind, f"{one} was {outcomes[one]}, and is there {counts[one]} times") for one in wrong),
        *(Violation(kind, f"{one} is there, and was never written") for one in unknown),
    ]


@frozen
class Counted:
    """An increment: the counter's value after it, whose it was, under which token; ``version`` of its key."""

    number: int
    id: str
    token: int
    version: int = 1

    @classmethod
    def of(cls, kv):
        """Read one from its key, ``counted/<number>``, with the value ``<id> <token>``."""
        name, token = kv.text.split()
        return cls(int(kv.key_text.partition("/")[2]), name, int(token), kv.version)


def counter(final, found):
    """Check that increments by holders of a lock follow one another: none at the same number, no token smaller."""
    found = sorted(found, key=attrgetter("number"))
    numbers = [one.number for one in found]
    wrong = [] if numbers == [*range(1, final + 1)] else [f"it is {final}, after the increments {numbers[-AROUND:]}"]
    older = [index for index, (one, two) in enumerate(pairwise(found), 1) if one.token > two.token]
    twice = [index for index, one in enumerate(found) if one.version != 1]
    return [
        *(Violation("counter", text) for text in wrong),
        *(Violation("counter", f"{found[at]} follows a younger token", near(found, at)) for at in older),
        *(Violation("counter", f"{found[at]}: two held the lock", near(found, at)) for at in twice),
    ]


# --- watches


@frozen
class Seen:
    """An event as it is compared: what it made of its key; ``previous`` is what it replaced, if known."""

    revision: int
    type: str
    key: bytes
    value: bytes = b""
    version: int = 0
    resync: bool = False
    previous: object = field(default=None, eq=False)

    @classmethod
    def of(cls, event):
        kv = event.kv
        return cls(event.revision, event.type, kv.key, kv.value, kv.version, event.resync, event.previous)

    def __str__(self):
        text = f" = {self.value!r}, version {self.version}" if self.type == "put" else ""
        return f"{self.type} {self.key!r} at revision {self.revision}{text}{', by resync' if self.resync else ''}"


def replay(events, state):
    """Apply events to the keys: each becomes the event that wrote it."""
    for event in events:
        if event.type == "put":
            state[event.key] = event
        else:
            state.pop(event.key, None)


def stream(name, events, final, merged=False):
    """Check that no event is missing, doubled or out of order, and that they lead to what is stored finally.

    The soak's own transactions write their keys in ascending order; those of ``merged`` calls in any.
    """
    last, state = (0, b""), {}
    for index, event in enumerate(events):
        if not (event.resync or follows(event, last, state.get(event.key))):
            return [Violation("watch", f"{name}: {event} cannot follow", near(events, index))]
        last = max(last, (event.revision, b"" if merged else event.key))
        replay([event], state)
    return differences(f"the watch {name}", state, final)


def follows(event, last, before):
    """Return whether an event may come after the last one, when its key was as ``before``, None if it was missing."""
    version = before.version if before else 0
    is_next = event.version == version + 1 if event.type == "put" else before is not None
    is_known = event.previous is None or shown(event.previous) == shown(before)
    return (event.revision, event.key) > last and is_next and is_known


def differences(name, state, final):
    """Check that a copy has the keys that are stored, with their values and versions."""
    keys = sorted(key for key in {*state, *final} if shown(state.get(key)) != shown(final.get(key)))
    return [Violation("copy", f"{name}: {key!r} is {state.get(key)}, not {final.get(key)}") for key in keys]


def shown(one):
    return None if one is None else (one.value, one.version)


def equal(name, events, others):
    """Check that two watches saw the same."""
    pairs = enumerate(zip_longest(events, others))
    index = next((index for index, (one, two) in pairs if one != two), None)
    if index is None:
        return []
    one, two = (dict(enumerate(found)).get(index) for found in (events, others))
    return [Violation("watch", f"{name} saw {two}, another watch {one}", near(others, index))]


def samples(name, taken, events):
    """Check that a copy was, at each revision at which it was looked at, what the events up to there make of it."""
    found, state, at = [], {}, 0
    for revision, copy in sorted(taken, key=itemgetter(0)):
        end = bisect_right(events, revision, key=attrgetter("revision"))
        replay(events[at:end], state)
        at = end
        found += differences(f"{name} at revision {revision}", copy, state)
    return found


def revisions(known, events):
    """Check that writes were applied at the revisions that were reported, by value."""
    wrong = [event for event in events if known.get(event.value, event.revision) != event.revision]
    return [Violation("write", f"{event} was reported at revision {known[event.value]}") for event in wrong]
