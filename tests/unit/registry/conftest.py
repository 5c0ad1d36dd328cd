"""Clients of both faces without a server."""

from tests.support.health import backend  # noqa: F401
from tests.support.registering import registry  # noqa: F401
from tests.support.scripted import connect, face  # noqa: F401
from tests.support.watching import recorder  # noqa: F401
