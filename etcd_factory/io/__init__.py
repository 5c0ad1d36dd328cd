"""The two ports of the core, on threads and on asyncio."""
