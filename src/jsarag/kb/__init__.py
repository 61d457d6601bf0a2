"""The knowledge base: passages with their vectors and an index; and the bundled sample."""

from __future__ import annotations

from pathlib import Path

from jsarag.kb.candidates import CandidateConfig
from jsarag.kb.knowledge_base import KnowledgeBase, check_k, check_place, encode, is_index

SAMPLE = Path(__file__).parent / "sample"
"""Folder of the bundled sample: ``passages.jsonl``, ``train.jsonl``, ``dev.jsonl``, ``test.jsonl`` and a README."""

__all__ = ["SAMPLE", "CandidateConfig", "KnowledgeBase", "check_k", "check_place", "encode", "is_index"]
