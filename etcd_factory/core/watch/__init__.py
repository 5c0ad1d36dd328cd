"""Watches: one stream carries all of a client; each resumes after the last revision it has seen."""
