"""Retrievers without training, to be held against the run's: BM25, and any encoder by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from jsarag.checks import closest
from jsarag.display import Display
from jsarag.evaluation.config import EvaluationConfig
from jsarag.evaluation.retrieval import Dense, Ranker, evaluate_retrieval, excluded, rankings
from jsarag.evaluation.sheet import Case, Evaluation, Sheet
from jsarag.kb import KnowledgeBase
from jsarag.kb.sources import best
from jsarag.metrics import evidence_scores
from jsarag.models import EncoderConfig, hub, load_encoder
from jsarag.models.resolve import resolve
from jsarag.retriever import Retriever
from jsarag.types import InputError

BM25 = "bm25"
"""Name of the baseline that is no encoder."""


class WordMatch:
    """The order in which `BM25` puts passages; one that shares no word with the question is not found."""

    def __init__(self, kb: KnowledgeBase) -> None:
        """Of the passages of ``kb``."""
        self.kb = kb

    def rank(self, cases: Sequence[Case], depth: int) -> list[list[str]]:
        """The passages with the best scores, equal ones in the order of the file."""
        source = self.kb.source(BM25)
        return [[self.kb.passages[i].id for i in best(source.scores(case.x), depth)] for case in cases]


@dataclass(frozen=True)
class Baseline:
    """A baseline with the block of figures that holds what was measured of it."""

    name: str

    @property
    def block(self) -> str:
        """``baseline:`` and the last part of its name; no slash is in it."""
        return f"baseline:{self.name.rstrip('/').rpartition('/')[2]}"

    def ranker(self, kb: KnowledgeBase, device: torch.device, display: Display) -> Ranker:
        """The order in which it puts the passages of ``kb``.

        Raises:
            InputError: no encoder has that name.
        """
        if self.name == BM25:
            return WordMatch(kb)
        encoder = load_encoder(EncoderConfig(self.name), device)
        with display.task(f"encoding for {self.name}", len(kb)) as advance:
            own = KnowledgeBase.build(kb.passages, encoder, "flat", progress=lambda done: advance(done, ""))
        return Dense(Retriever(encoder, own))


def check_baselines(names: Sequence[str], option: str) -> None:
    """Refuse baselines that are not there, before anything is measured.

    Raises:
        InputError: neither bm25 nor an encoder that can be had.
    """
    for name in names:
        if name != BM25:
            try:
                hub.place(resolve(name, option), option)
            except InputError as error:
                raise InputError(f"{error}{closest(name, [BM25])}") from None


def measure_baselines(
    names: Sequence[str],
    kb: KnowledgeBase,
    cases: Sequence[Case],
    passages: int,
    config: EvaluationConfig,
    device: torch.device,
    display: Display,
) -> Evaluation:
    """Measure retrievers without training on the same cases: the figures of the blocks prior and evidence.

    Args:
        names: ``bm25``, or encoders.
        kb: Holds the passages; its vectors are not read.
        cases: What is looked for.
        passages: How many passages an answer is given.
        config: Cutoffs and resamples.
        device: Where encoders work.
        display: Shown progress.

    Returns:
        A block a baseline, and a row a case with its scores as ``block/metric``.

    Raises:
        InputError: no encoder has that name, or two baselines end in the same name.
    """
    sheet = Sheet([{"id": case.example.id, "gold": list(case.example.gold)} for case in cases], config.resamples)
    blocks = [Baseline(name).block for name in names]
    twice = next((name for i, name in enumerate(names) if blocks[i] in blocks[:i]), None)
    if twice is not None:
        raise InputError(f"baseline {twice!r}: another baseline has the same name")
    for name, block in zip(names, blocks, strict=True):
        ranker = Baseline(name).ranker(kb, device, display)
        labelled = [row for row in sheet.rows if row["gold"]]
        for scores in evaluate_retrieval({block: ranker}, cases, config.cutoffs).values():
            sheet.add(block, scores, labelled)
        found = rankings(ranker, cases, passages + excluded(cases) + 1)
        cutoffs = [*(k for k in config.cutoffs if k < passages), passages]
        held = [[p for h in row if not (p := kb.passages[kb.position[h]]).null][:passages] for row in found]
        sheet.add(block, evidence_scores([case.example.outputs for case in cases], held, cutoffs), sheet.rows)
    return sheet.evaluation()
