"""What all unit tests share."""

from tests.support.scripted import fixed_random  # noqa: F401
