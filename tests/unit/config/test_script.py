from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from omegaconf import OmegaConf

import etcd_factory
from etcd_factory.config import AsyncConfigError, aload_config, load_config
from etcd_factory.errors import ConfigError

UNSHOWN = "its text may quote a secret and is not shown; run the file with python to see it"
ASYNC = "config() is async; only the asyncio face can load it (aload_config / AsyncETCDServiceFactory)"


def test_plain_names_are_values_and_code_is_not(write):
    text = """
        from __future__ import annotations
        import os
        from os import environ, path
        from typing import Optional
        _private = 1
        class Helper: pass
        def helper(): pass
        shortcut = len
        other = os
        hosts = ["a"]
        nested = {"call": helper, "n": None}
    """
    write("a.py", text)
    tree = load_config("a.py")
    assert sorted(tree) == ["hosts", "nested"]
    assert tree.hosts == ["a"]
    assert tree.nested.call.__name__ == "helper"


def test_names_are_bound_in_many_ways(write):
    text = """
        (a, *b), c["x"] = (1, 2), 3
        for d in [4]:
            if (e := d):
                with open(__file__) as _f: f: int = 6
        match {"g": 7, "h": [8, 9], "i": 10}:
            case {"g": g, "h": [h, *j], **k}: pass
        m = [last := unseen for unseen in [1] if (lambda inner: inner)(1)]
        try: raise ValueError
        except ValueError as gone: pass
        @(lambda function: function())
        def n(): local = 12; return local
    """
    write("a.py", "c = {}\n" + dedent(text))
    assert load_config("a.py") == {
        "a": 1,
        "b": [2],
        "c": {"x": 3},
        "d": 4,
        "e": 4,
        "f": 6,
        "g": 7,
        "h": 8,
        "j": [9],
        "k": {"i": 10},
        "m": [1],
        "last": 1,
        "n": 12,
    }


def test_python_files_need_nothing_that_pypy_lacks():
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['_symtable'] = None; import etcd_factory.config"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(etcd_factory.__file__).parents[1],
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_plain_name_may_be_config(write):
    write("a.py", "config = {'x': 1}")
    assert load_config("a.py") == {"config": {"x": 1}}


def test_a_function_gets_the_project_and_the_environment(write, tmp_path):
    text = """
        def config(info, merged):
            return {"name": info.name, "base": info.base_dir, "env": info.env, "kind": type(info.base_dir).__name__}
    """
    write("project/config/a.default.py", text)
    tree = load_config("project/config", env="local")
    assert (tree.name, tree.base, tree.env) == ("project", tmp_path / "project", "local")


def test_the_base_directory_is_right_for_a_path_with_dots(write, tmp_path, monkeypatch):
    write("config/a.default.py", "config = lambda info, merged: {'base': info.base_dir}")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert load_config("../config").base == tmp_path


def test_the_info_cannot_be_changed(write, faults):
    write("a.py", "def config(info, merged):\n    info.env = 'x'")
    assert faults("a.py")[0].startswith("a.py: line 2: FrozenInstanceError")


def test_a_function_sees_what_was_merged_before_it(write):
    write("config/a.default.yaml", "{a: 1, l: [1], ref: '${a}'}")
    write("config/b.default.py", "config = lambda info, merged: {'b': dict(merged)}")
    write("config/c.default.yaml", "late: 1")
    write("config/d.prod.py", "config = lambda info, merged: {'d': sorted(merged)}")
    tree = load_config("config", {"later": 1})
    assert OmegaConf.to_container(load_config("config"))["b"] == {"a": 1, "l": [1], "ref": "${a}"}
    assert tree.d == ["a", "b", "l", "late", "ref"]


def test_changes_of_the_merged_values_have_no_effect(write):
    write("config/a.default.yaml", "{a: {b: [1]}}")
    write("config/b.default.py", "def config(info, merged):\n    merged['a']['b'].append(2)\n    merged['x'] = 1")
    assert load_config() == {"a": {"b": [1]}}


@pytest.mark.parametrize("result", ["{'a': 1}", "OmegaConf.create({'a': 1})", "MappingProxyType({'a': 1})"])
def test_a_function_may_return_any_mapping(write, result):
    imports = "from omegaconf import OmegaConf\nfrom types import MappingProxyType\n"
    write("a.py", f"{imports}def config(info, merged): return {result}")
    assert load_config("a.py") == {"a": 1}


def test_the_interpolations_of_a_returned_tree_are_kept(write):
    text = "from omegaconf import OmegaConf\ndef config(info, merged): return OmegaConf.create({'a': '${b}', 'b': 1})"
    write("a.py", text)
    assert load_config("a.py", {"b": 2}).a == 2


def test_the_function_may_be_any_callable(write):
    text = """
        from functools import partial
        config = partial(lambda a, info, merged: {"a": a}, 1)
    """
    write("a.py", text)
    assert load_config("a.py") == {"a": 1}


def test_a_function_may_return_none(write):
    write("a.py", "def config(info, merged): pass")
    assert load_config("a.py") == {}


@pytest.mark.parametrize(("result", "kind"), [("5", "int"), ("[]", "list"), ("''", "str"), ("False", "bool")])
def test_a_function_that_returns_something_else_is_a_fault(write, faults, result, kind):
    write("a.py", f"def config(info, merged): return {result}")
    assert faults("a.py") == [f"a.py: expected a mapping, got {kind}"]


def test_a_function_and_plain_names_together_are_a_fault_that_lists_them(write, faults):
    write("a.py", "x = 1\n_fine = 2\ny = 2\ndef config(info, merged): return {}")
    assert faults("a.py") == ["a.py: has both config() and plain names: x, y"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = 1\n1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
        ("import json\n\na = json.loads('{')\n", f"line 3: JSONDecodeError: {UNSHOWN}"),
        ("def f():\n    raise ValueError('inner')\n\nf()\n", f"line 2: ValueError: {UNSHOWN}"),
        ("def config(info, merged):\n    return merged['x']\n", f"line 2: KeyError: {UNSHOWN}"),
        ("def config():\n    return {}\n", "TypeError: config() takes 0 positional arguments but 2 were given"),
        ("import sys\nsys.exit(3)\n", f"line 2: SystemExit: {UNSHOWN}"),
        ("a = 1\nb = = 2\n", "line 2: SyntaxError: invalid syntax"),
        ("a = 1\nreturn\n", "line 2: SyntaxError: 'return' outside function"),
        ("a = 1\nexec('(')\n", "line 2: SyntaxError: "),
    ],
)
def test_an_exception_in_a_file_is_a_fault_with_its_line(write, faults, text, fault):
    write("a.py", text)
    (found,) = faults("a.py")
    assert found.startswith(f"a.py: {fault}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("open('no/such/file')", "FileNotFoundError: No such file or directory"),
        ("import os\nx = os.environ['NOT_SET']", "KeyError: the environment variable NOT_SET is not set"),
    ],
)
def test_what_a_file_lacks_is_named(write, faults, text, reason):
    write("a.py", text)
    (found,) = faults("a.py")
    assert found.endswith(reason)


@pytest.mark.parametrize(
    "text",
    [
        "raise ValueError('hunter2')",
        "password = 'hunter2'\nint(password)",
        "password = hunter2",
        "def config(info, merged): return {}['hunter2']",
        "import sys\nsys.exit('hunter2')",
        "password = 'hunter2",
    ],
)
def test_the_text_of_an_exception_is_not_shown_where_it_may_quote_a_secret(write, faults, text):
    write("a.py", text)
    (found,) = faults("a.py")
    assert found.startswith("a.py: line ")
    assert "hunter2" not in found


def test_a_file_knows_where_it_is_and_leaves_nothing_behind(write, tmp_path):
    write("conf/a.default.py", "here = __file__\nname = __name__")
    assert load_config("conf") == {"here": str(tmp_path / "conf" / "a.default.py"), "name": "a.default"}
    assert [path.name for path in (tmp_path / "conf").iterdir()] == ["a.default.py"]


def test_annotations_are_evaluated_as_in_a_module(write):
    write("a.py", "def _f(x: int): ...\nkinds = {k: v.__name__ for k, v in _f.__annotations__.items()}")
    assert load_config("a.py").kinds == {"x": "int"}  # they would be texts, were our own __future__ imports inherited


ASYNC_FILE = "async def config(info, merged):\n    return {'a': merged.get('b')}"


async def test_the_asyncio_face_awaits_a_function(write):
    import asyncio

    write("config/a.default.yaml", "b: 1")
    write(
        "config/b.default.py", "import asyncio\n" + ASYNC_FILE.replace("return", "await asyncio.sleep(0)\n    return")
    )
    assert await aload_config() == {"a": 1, "b": 1}
    assert inspect.iscoroutinefunction(aload_config)
    assert await asyncio.wait_for(aload_config("config", {"b": 2}, env="local", filters=(), key="x"), 5) == {
        "a": 1,
        "b": 2,
    }


async def test_the_asyncio_face_reports_faults_in_the_same_way(write):
    write("a.py", "async def config(info, merged):\n    raise KeyError('x')")
    with pytest.raises(ConfigError, match=rf"a\.py: line 2: KeyError: {UNSHOWN}"):
        await aload_config("a.py")


async def test_the_asyncio_face_accepts_plain_functions(write):
    write("a.py", "def config(info, merged): return {'a': 1}")
    assert await aload_config("a.py") == {"a": 1}


def test_the_blocking_face_cannot_await_a_function_and_says_what_can(write):
    write("a.py", ASYNC_FILE)
    with pytest.raises(AsyncConfigError) as caught:
        load_config("a.py")
    assert str(caught.value) == f"a.py: {ASYNC}"
    assert isinstance(caught.value, ConfigError)


def test_an_async_function_does_not_hide_other_faults(write):
    write("a.py", ASYNC_FILE)
    with pytest.raises(ConfigError) as caught:
        load_config("a.py", "missing.yaml")
    assert not isinstance(caught.value, AsyncConfigError)
    assert len(caught.value.faults) == 2


def test_an_awaitable_that_is_not_a_coroutine_is_refused_too(write, faults):
    text = """
        class _Later:
            def __await__(self): yield
        config = lambda info, merged: _Later()
    """
    write("a.py", text)
    assert faults("a.py") == [f"a.py: {ASYNC}"]
