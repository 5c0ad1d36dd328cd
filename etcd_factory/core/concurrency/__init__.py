"""Locks, elections and software transactional memory, compatible with Go's ``concurrency`` package."""
