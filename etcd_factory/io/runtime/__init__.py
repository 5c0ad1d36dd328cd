"""The ``Runtime`` port: waiting, background work, DNS, files; on threads and on asyncio."""
