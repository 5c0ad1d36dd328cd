"""HTTP/2 for gRPC: the protocol as a state machine without I/O, and transports on asyncio and on threads."""
