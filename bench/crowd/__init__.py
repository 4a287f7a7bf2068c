"""Measures one web process before many open tabs: `make bench-crowd`.

Not for tests, which assert no speed, and never imported by what people run.
"""
