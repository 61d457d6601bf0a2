"""Measuring retrieval and answers on a set of examples, each figure with its bootstrap interval."""

from __future__ import annotations

from jsarag.evaluation.abstention import LEAST, measure_abstention
from jsarag.evaluation.baselines import BM25, check_baselines, measure_baselines
from jsarag.evaluation.config import EvaluationConfig
from jsarag.evaluation.evaluate import evaluate, evaluate_modes
from jsarag.evaluation.likelihood import marginal_log_likelihood
from jsarag.evaluation.limits import check_fits
from jsarag.evaluation.pairing import Paired, paired
from jsarag.evaluation.retrieval import evaluate_retrieval
from jsarag.evaluation.sheet import Case, Evaluation
from jsarag.evaluation.table import check_table, write_table

__all__ = [
    "BM25",
    "LEAST",
    "Case",
    "Evaluation",
    "EvaluationConfig",
    "Paired",
    "check_baselines",
    "check_fits",
    "check_table",
    "evaluate",
    "evaluate_modes",
    "evaluate_retrieval",
    "marginal_log_likelihood",
    "measure_abstention",
    "measure_baselines",
    "paired",
    "write_table",
]
