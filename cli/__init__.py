"""The `portal` command: a client of the REST API for people who live in a terminal.

Knows nothing of the portal's insides and works against any server that speaks the same dialect.
"""
