"""Users and roles, members, maintenance, health."""
