"""Benchmarks: each prints a ratio to a reference that ran beside it, and records its figures."""
