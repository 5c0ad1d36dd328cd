"""The ``Transport`` port on grpcio, on threads and on asyncio."""
