"""Measuring retrieval and answers on a set of examples, each figure with its bootstrap interval."""

from __future__ import annotations

from jsarag.evaluation.evaluate import (
    Case,
    Evaluation,
    EvaluationConfig,
    evaluate,
    evaluate_retrieval,
    marginal_log_likelihood,
)

__all__ = ["Case", "Evaluation", "EvaluationConfig", "evaluate", "evaluate_retrieval", "marginal_log_likelihood"]
