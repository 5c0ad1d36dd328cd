from __future__ import annotations

from tests.support.scripted import connect, face, fixed_random  # noqa: F401
from tests.support.watching import recorder  # noqa: F401
