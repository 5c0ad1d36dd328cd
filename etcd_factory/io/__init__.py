"""The ports, on threads and on asyncio: the only code that knows gRPC."""
