from __future__ import annotations

from collections import OrderedDict

import pytest

from etcd_factory import ETCDService
from etcd_factory.options import fields, priority
from etcd_factory.options.numbers import Resolved


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (fields.text, "a"),
        (fields.prefix, "a/"),
        (fields.prefix, b"\xff"),
        (fields.prefix, ""),
        (fields.mapping, {"a": 1}),
        (fields.mapping, OrderedDict(a=1)),
        (fields.batching, False),
        (fields.batching, "all"),
        (fields.imported, ETCDService),
        (priority, "low"),
    ],
)
def test_a_valid_value_is_returned(read, value):
    assert read(value) == value


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (fields.text, 7, "expected text, got int; write it in quotes"),
        (fields.text, 0.5, "expected text, got float; write it in quotes"),
        (fields.text, True, "expected text, got bool; write it in quotes"),
        (fields.text, [], "expected text, got list"),
        (fields.text, "\udc80", "expected text that can be written as UTF-8"),
        (fields.text, b"a", "expected text, got bytes"),
        (fields.text, "", "expected text, got an empty string"),
        (fields.prefix, 1, "expected text or bytes, got int"),
        (fields.mapping, [], "expected a mapping, got list"),
        (fields.mapping, "a", "expected a mapping, got str"),
        (fields.mapping, {1: 2}, "expected names as keys, got int 1"),
        (fields.batching, True, "expected false, reads or all, got bool"),
        (fields.batching, 0, "expected false, reads or all, got int"),
        (fields.batching, [], "expected false, reads or all, got list"),
        (fields.batching, "read", "expected one of false, reads, all, got 'read'; did you mean 'reads'?"),
        (fields.imported, 1, "expected a class or its import path, got int"),
        (fields.imported, "os:getcwd", "expected the import path of a class, got builtin_function_or_method"),
        (priority, "hgih", "expected one of high, medium, low, got 'hgih'; did you mean 'high'?"),
        (priority, 1, "expected one of high, medium, low, got 1"),
        (priority, [], "expected one of high, medium, low, got []"),
    ],
)
def test_an_invalid_value_is_an_error_that_says_what_was_expected(faults, read, value, message):
    assert faults(read, value) == [message]


@pytest.mark.parametrize(
    ("given", "value"),
    [
        *[(False, False), ("false", False), (Resolved("False"), False), (Resolved("off"), False)],
        *[("reads", "reads"), ("all", "all"), (Resolved("reads"), "reads")],
    ],
)
def test_calls_are_not_merged_or_reads_or_all_are(given, value):
    assert fields.batching(given) == value


def test_a_mapping_is_copied():
    given = {"a": 1}
    assert fields.mapping(given) is not given


@pytest.mark.parametrize("path", ["etcd_factory.service:ETCDService", "etcd_factory.service.ETCDService"])
def test_an_import_path_becomes_its_class(path):
    assert fields.imported(path) is ETCDService


@pytest.mark.parametrize(
    "path", ["nowhere:Class", "etcd_factory:Nothing", "etcd_factory.nothing:Class", "", "a b", ":"]
)
def test_an_import_path_that_leads_nowhere_is_an_error_that_names_it(faults, path):
    (fault,) = faults(fields.imported, path)
    assert fault.startswith(f"cannot import {path!r}: ")


@pytest.mark.parametrize("text", ["1 / 0", "def"], ids=["raises", "syntax"])
def test_a_module_that_fails_on_import_is_an_error_that_names_it(faults, tmp_path, monkeypatch, text):
    (tmp_path / "failing_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    (fault,) = faults(fields.imported, "failing_module:Class")
    assert fault.startswith("cannot import 'failing_module:Class': ")
