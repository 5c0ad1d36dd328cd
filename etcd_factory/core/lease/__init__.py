"""Leases: grant, keep-alive, expiry, revoke."""
