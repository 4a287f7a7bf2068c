"""Measures the chat page in a slowed browser against the budgets: `make bench-page`.

Not for tests, which assert no speed, and never imported by what people run.
"""
