"""What modes of decoding read."""

from __future__ import annotations

READ_FIRST = frozenset({"top-1"})
"""Modes that read the first passage alone; the others read all they are given."""
