"""What tests of mirrors on a scripted transport share."""

from tests.support.watching import recorder  # noqa: F401
