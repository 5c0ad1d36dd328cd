"""A prefix kept in memory by one watch, read without the network."""
