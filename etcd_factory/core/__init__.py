"""Every operation, once, as coroutines over the ports."""
