"""Measures the portal beside llama-server, on one machine in one run: `make bench`.

Not for tests, which assert no speed, and never imported by what people run.
"""
