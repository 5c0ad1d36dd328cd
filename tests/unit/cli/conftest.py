"""What the unit tests of the command line share."""

from tests.support.command_line import run  # noqa: F401
