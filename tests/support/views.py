"""What is behind a service: the view that runs its operations, and through it the core client."""

from __future__ import annotations

from etcd_factory.service import view_of


def view_behind(service):
    """Return the view of a service of either face; its ``client`` is the core's."""
    return view_of(service, type(service), "a test")
