"""Figures of merit: retrieval, its probabilities, answers and where they come from; intervals and paired tests."""

from __future__ import annotations

from jsarag.metrics.answers import METRICS, answer_scores
from jsarag.metrics.attribution import attribution_scores
from jsarag.metrics.bleu import corpus_bleu
from jsarag.metrics.bootstrap import Estimate, interval
from jsarag.metrics.calibration import Bin, brier_scores, calibration_error, reliability
from jsarag.metrics.dialog import dialog_scores, knowledge_f1
from jsarag.metrics.evidence import evidence_scores
from jsarag.metrics.figures import BASELINE, BLOCKS, Block, block_of, in_order
from jsarag.metrics.meteor import meteor_is_there, meteor_scores
from jsarag.metrics.metric import Better, Figure, Metric, Unit
from jsarag.metrics.retrieval import retrieval_scores
from jsarag.metrics.selection import pooled_selection, selection_scores
from jsarag.metrics.significance import difference, randomisation

__all__ = [
    "BASELINE",
    "BLOCKS",
    "METRICS",
    "Better",
    "Bin",
    "Block",
    "Estimate",
    "Figure",
    "Metric",
    "Unit",
    "answer_scores",
    "attribution_scores",
    "block_of",
    "brier_scores",
    "calibration_error",
    "corpus_bleu",
    "dialog_scores",
    "difference",
    "evidence_scores",
    "in_order",
    "interval",
    "knowledge_f1",
    "meteor_is_there",
    "meteor_scores",
    "pooled_selection",
    "randomisation",
    "reliability",
    "retrieval_scores",
    "selection_scores",
]
