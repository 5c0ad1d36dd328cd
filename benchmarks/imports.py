"""What importing the package costs, compared with importing what it depends on."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from tempfile import TemporaryDirectory

from .measure import Bar, Costs
from .world import Case, Sides, World

# ru_maxrss would be the parent's if that is larger: on Linux it survives exec
IMPORT = """
from time import perf_counter, process_time
wall, cpu = perf_counter(), process_time()
import {modules}
wall, cpu = perf_counter() - wall, process_time() - cpu
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except (OSError, StopIteration):
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(wall * 1e3, cpu * 1e3, peak / 1024)
"""


def imported(modules: str, compiled: str) -> Costs:
    """Return what an import costs in a new process; ``compiled`` is a folder for byte code, warm from the second on."""
    command = [sys.executable, "-c", IMPORT.format(modules=modules)]
    env = os.environ | {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    figures = subprocess.run(command, capture_output=True, check=True, text=True, env=env).stdout.split()
    return dict(zip(("wall ms", "cpu ms", "peak MB"), map(float, figures), strict=True))


def imports(world: World) -> Sides:
    """Return the import of the package, and of its dependencies."""
    compiled = world.stack.enter_context(TemporaryDirectory())
    modules = {"ours": "etcd_factory", "bare": "grpc, omegaconf, attrs"}
    return {name: partial(imported, names, compiled) for name, names in modules.items()}


BARS = (Bar("bare", "wall ms", 1.15), Bar("bare", "cpu ms"), Bar("bare", "peak MB", 1.15))

CASES = {"import": Case(imports, BARS, rounds=31, turns=1)}
