"""The sdist and the wheel: built, checked, installed, used. ``python -m tests.package``, or ``tox -e package``."""
