"""Hundreds of bad inputs against the real commands; ``python -m tests.reliability.hostile``."""
