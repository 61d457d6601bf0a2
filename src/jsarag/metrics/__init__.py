"""Figures of merit: retrieval and answers, one value an example, and the interval of their mean."""

from __future__ import annotations

from jsarag.metrics.answers import answer_scores, corpus_bleu
from jsarag.metrics.bootstrap import Estimate, interval
from jsarag.metrics.dialog import dialog_scores, knowledge_f1
from jsarag.metrics.retrieval import retrieval_scores
from jsarag.metrics.selection import pooled_selection, selection_scores
from jsarag.metrics.significance import difference, randomisation

__all__ = [
    "Estimate",
    "answer_scores",
    "corpus_bleu",
    "dialog_scores",
    "difference",
    "interval",
    "knowledge_f1",
    "pooled_selection",
    "randomisation",
    "retrieval_scores",
    "selection_scores",
]
