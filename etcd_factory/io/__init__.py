"""The two ports of the core: ``runtime`` waits, ``grpc`` carries calls; each on threads and on asyncio."""
