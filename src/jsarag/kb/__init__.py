"""Documents: the bundled sample knowledge base."""

from __future__ import annotations

from pathlib import Path

SAMPLE = Path(__file__).parent / "sample"
"""Folder of the bundled sample: ``passages.jsonl``, ``train.jsonl``, ``dev.jsonl``, ``test.jsonl`` and a README."""
