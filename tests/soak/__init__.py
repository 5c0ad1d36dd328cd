"""A soak: a cluster whose members and connections fail all the time, and work whose every promise is checked.

``python -m tests.soak --minutes 4 --face asyncio`` prints its figures, and ends non-zero on a violation.
"""
