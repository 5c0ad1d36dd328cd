"""Builders that are misused, and those that are dropped without a terminal in Python's development mode."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

import etcd_factory
from etcd_factory.core.bound import subclass
from etcd_factory.core.concurrency.stm_tx import Delete, Put
from etcd_factory.core.face import Async, Sync, Unbound
from etcd_factory.core.kv.builders import Get, GetAll
from etcd_factory.core.pending import Pending, Traced, terminals
from etcd_factory.core.watch.builder import Watch

ROOT = Path(etcd_factory.__file__).parent.parent


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (Get, {"string", "bytes", "json", "number", "exists", "kv", "exec"}),
        (subclass(Get, Unbound), {"string", "bytes", "json", "number", "exists", "kv", "exec"}),
        (GetAll, {"keys", "key_bytes", "strings", "bytes", "json", "numbers", "count", "kvs", "exec"}),
        (Watch, {"create"}),
        (Put, {"value", "json"}),
        (Delete, {"key", "prefix", "range", "all"}),
    ],
)
def test_the_terminals_of_a_builder(cls, names):
    assert set(terminals(cls)) == names


class Built(Pending):
    """A builder with two terminals."""

    _terminals = ("value", "json")

    def __init__(self, face=None):
        self.face = face

    def __repr__(self):
        return "<Built>"


@pytest.mark.parametrize(
    ("face", "text"),
    [
        (Sync, r"call one of its terminals value\(\), json\(\); for asyncio there is AsyncETCDService$"),
        (Async, r"await one of its terminals value\(\), json\(\)$"),
        (None, r"call one of its terminals value\(\), json\(\); for asyncio"),
    ],
)
async def test_awaiting_a_builder_is_an_error_that_names_its_terminals(face, text):
    with pytest.raises(TypeError, match=rf"^<Built> cannot be awaited: {text}"):
        await Built(face)


async def test_entering_or_iterating_over_one_is_such_an_error_too():
    with pytest.raises(TypeError, match="<Built> cannot be entered: call"), Built(Sync):
        pass
    with pytest.raises(TypeError, match="<Built> cannot be entered: await"):
        async with Built(Async):
            pass
    with pytest.raises(TypeError, match="<Built> cannot be iterated over: call"):
        _value, _meta = Built(Sync)
    with pytest.raises(TypeError, match="<Built> cannot be iterated over"):
        async for _ in Built(Async):
            pass


@pytest.mark.parametrize("face", [Sync, Async, Unbound])
def test_neither_true_nor_false(face):
    """A read that was forgotten to be run would be true, whatever is stored."""
    with pytest.raises(TypeError, match=r"^<Built> cannot be used as a condition: \w+ one of its terminals value\(\)"):
        bool(Built(face))


@pytest.mark.parametrize("other", ["x", b"x", 1, 1.5, True, None, [], {}])
def test_comparing_one_with_what_may_be_a_result_is_an_error(other):
    """It would never be equal, whatever is stored."""
    with pytest.raises(TypeError, match=r"^<Built> cannot be compared: call one of its terminals"):
        Built(Sync) == other  # noqa: B015
    with pytest.raises(TypeError, match=r"^<Built> cannot be compared: call one of its terminals"):
        other != Built(Sync)  # noqa: B015
    with pytest.raises(TypeError, match=r"^<Built> cannot be compared"):
        Built(Sync) == Built(Sync)  # noqa: B015


def test_one_is_equal_to_itself_and_to_what_says_so():
    built = same = Built(Sync)
    assert (built == same, built != same) == (True, False)
    assert (built == ANY, built == object()) == (True, False)
    assert {built: 1, Built(Sync): 2}[same] == 1


# --- development mode


BASES = (Pending,) if issubclass(Pending, Traced) else (Traced, Pending)


class Watched(*BASES):
    """A builder as in development mode."""

    _terminals = ("value",)

    def __init__(self, key):
        self._key = key

    def __repr__(self):
        return f"<Watched {self._key!r}>"

    def previous(self):
        return Watched(self._key)

    def value(self):
        return self._key


def test_a_builder_that_is_dropped_without_a_terminal_is_warned_of_at_its_line():
    with pytest.warns(RuntimeWarning, match=r"^<Watched 'k'> was dropped, and did nothing: call value\(\)$") as caught:
        Watched("k")
    (warning,) = caught
    assert warning.filename == __file__
    assert "Watched" in Path(__file__).read_text().splitlines()[warning.lineno - 1]


def test_of_a_chain_only_the_last_one_is():
    with pytest.warns(RuntimeWarning) as caught:
        Watched("k").previous().previous()
    assert len(caught) == 1


def test_one_with_a_terminal_is_not(recwarn):
    assert Watched("k").previous().value() == "k"
    gc.collect()
    assert not recwarn.list


def test_one_that_was_misused_is_not(recwarn):
    with pytest.raises(TypeError, match="cannot be iterated over"):
        list(Watched("k"))
    gc.collect()
    assert not recwarn.list


def test_at_interpreter_exit_none_is():
    builder = Watched("k")
    builder.__del__(lambda *_: pytest.fail("warned"), lambda: True)
    builder.value()


SCRIPT = """
import sys; from etcd_factory.core.pending import Pending; from etcd_factory import ETCDService, ops
from etcd_factory.testing import ScriptedTransport, replies
script = {"Range": replies.get({"k": "v"}), "Put": replies.put(), "Txn": replies.txn(replies.put(), replies.get())}
etcd = ETCDService(transport=ScriptedTransport(script))
etcd.put("lost")                                            # line 6
etcd.get_all().prefix("p/").limit(3)                        # line 7
etcd.txn().then(ops.put("k").value("v"))                    # line 8
etcd.watch().key("k").previous()                            # line 9
ops.delete()                                                # line 10
etcd.stm().transact(lambda tx: tx.put("in stm"))            # line 11
etcd.put("k").previous().value("v")
etcd.get("k").string()
etcd.get_all().prefix("k").keys()
list(etcd.get_all())
etcd.if_("k", "version", ">", 0).then(ops.put("k").value("v"), ops.get("k")).commit()
etcd.batch([ops.put("k").value(1)])
ops.get("k").op()
if not sys.flags.dev_mode:
    assert Pending.__bases__ == (object,), "it costs something"
"""


def run(*options):
    """Run the script by itself; returns what it wrote to stderr."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *options, "-c", SCRIPT], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stderr


def test_in_development_mode_each_builder_without_a_terminal_is_warned_of_once():
    lines = [line for line in run("-X", "dev").splitlines() if line.startswith("<string>")]
    assert [line.partition(": ")[0] for line in lines] == [f"<string>:{number}" for number in range(6, 12)]
    named = ["'lost'", "prefix b'p/'", "Txn", "key b'k'", "Delete", "in stm"]
    assert all(name in line and "did nothing" in line for name, line in zip(named, lines, strict=True))


def test_else_there_is_no_warning_and_nothing_that_costs():
    assert run("-W", "always") == ""
