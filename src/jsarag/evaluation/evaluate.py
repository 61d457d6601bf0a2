"""The pipeline over a data set: retrieval, answers and closed-book answers, in one mode of decoding or several."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from jsarag import processes
from jsarag.display import Display
from jsarag.evaluation.answers import judge, judge_closed_book
from jsarag.evaluation.attribution import measure_attribution
from jsarag.evaluation.calibration import measure_calibration
from jsarag.evaluation.config import EvaluationConfig
from jsarag.evaluation.evidence import measure_evidence, measure_likelihood, wants_likelihood
from jsarag.evaluation.retrieval import measure_retrieval, retrieve
from jsarag.evaluation.sheet import Case, Evaluation, Sheet, as_row
from jsarag.models import Encoder
from jsarag.pipeline import Pipeline
from jsarag.types import Answer, Retrieved


def evaluate(
    pipeline: Pipeline,
    posterior: Encoder | None,
    cases: Sequence[Case],
    config: EvaluationConfig,
    display: Display,
    name: str = "evaluation",
) -> Evaluation:
    """Measure everything ``config`` asks for.

    Args:
        pipeline: The models that answer; its decoding is used.
        posterior: The posterior retriever, where there is one to measure.
        cases: Examples with outputs; those without gold count for answers only.
        config: What to measure.
        display: Shown progress.
        name: What the progress calls this evaluation.
    """
    retrieved = retrieve(pipeline, cases)
    sheet = _sheet(cases, retrieved, config)
    measure_retrieval(sheet, pipeline, posterior, cases, config)
    measure_calibration(sheet)
    measure_evidence(sheet, cases, retrieved, config)
    judged = cases[: config.limit]
    if config.answers:
        answers = _answers(pipeline, judged, retrieved, display, f"{name}: answers")
        judge(sheet, judged, [answer.text for answer in answers], pipeline.kb)
    if config.closed_book:
        judge_closed_book(sheet, judged, _closed_book(pipeline, judged, display, f"{name}: closed book"))
    if wants_likelihood(cases, config):
        measure_likelihood(sheet, pipeline, judged, retrieved, display, f"{name}: likelihood")
    if config.answers:
        measure_attribution(sheet, judged, _read(pipeline, judged, retrieved, display, name))
    return sheet.evaluation()


def evaluate_modes(
    pipeline: Pipeline,
    posterior: Encoder | None,
    cases: Sequence[Case],
    config: EvaluationConfig,
    modes: Sequence[str],
    display: Display,
) -> Evaluation:
    """Measure several ways of decoding on the same passages, with what each costs.

    Retrieval and closed-book answers are measured once. Answers are measured whatever ``config.answers`` says; one
    question is answered before the clock starts, since the first call is slow.

    Args:
        pipeline: The models that answer; its decoding is used in all but its mode.
        posterior: The posterior retriever, where there is one to measure.
        cases: Examples with outputs.
        config: What to measure.
        modes: Names of `jsarag.decoding.DECODERS`.
        display: Shown progress.

    Returns:
        The summary holds in ``modes`` the blocks of each mode, and its ``cost``: ``seconds`` of decoding a question
        and ``tokens`` a question that the generator read or wrote. What finding the passages took, the same for all
        modes, stands in ``retrieval_seconds`` a question. There is a row an example and mode.

    Raises:
        InputError: an unknown mode, or one that the other settings of decoding do not go with.
    """
    pipelines = {mode: replace(pipeline, decoding=replace(pipeline.decoding, mode=mode)) for mode in modes}
    pipeline.answer([cases[0].x])
    began = time.perf_counter()
    retrieved = retrieve(pipeline, cases)
    seconds = (time.perf_counter() - began) / len(cases)
    shared = _sheet(cases, retrieved, config)
    measure_retrieval(shared, pipeline, posterior, cases, config)
    measure_calibration(shared)
    measure_evidence(shared, cases, retrieved, config)
    judged = cases[: config.limit]
    if config.closed_book:
        judge_closed_book(shared, judged, _closed_book(pipeline, judged, display, "closed book"))
    if wants_likelihood(cases, config):
        measure_likelihood(shared, pipeline, judged, retrieved, display, "likelihood")
    found, rows = {}, []
    for mode, chosen in pipelines.items():
        began, before = time.perf_counter(), pipeline.generator.tokens_scored
        answers = _answers(chosen, judged, retrieved, display, mode)
        taken, tokens = time.perf_counter() - began, pipeline.generator.tokens_scored - before
        sheet = Sheet([{"mode": mode, **row} for row in shared.rows[: len(judged)]], config.resamples)
        judge(sheet, judged, [answer.text for answer in answers], pipeline.kb)
        measure_attribution(sheet, judged, _read(chosen, judged, retrieved, display, mode))
        cost = {"seconds": taken / len(judged), "tokens": processes.total([tokens])[0] / len(judged)}
        found[mode] = sheet.summary | {"cost": cost}
        rows += sheet.rows
    return Evaluation(shared.summary | {"retrieval_seconds": seconds, "modes": found}, rows)


def _sheet(cases: Sequence[Case], retrieved: Sequence[Sequence[Retrieved]], config: EvaluationConfig) -> Sheet:
    return Sheet([as_row(case.example, hs) for case, hs in zip(cases, retrieved, strict=True)], config.resamples)


def _answers(
    pipeline: Pipeline, cases: Sequence[Case], retrieved: Sequence[Sequence[Retrieved]], display: Display, task: str
) -> list[Answer]:
    with display.task(task, len(cases) * pipeline.decoding.generations) as advance:
        return pipeline.answer([c.x for c in cases], retrieved[: len(cases)], lambda done: advance(done, ""))


def _closed_book(pipeline: Pipeline, cases: Sequence[Case], display: Display, task: str) -> list[str]:
    with display.task(task, len(cases)) as advance:
        return pipeline.answer_without_passages([case.x for case in cases], lambda done: advance(done, ""))


def _read(
    pipeline: Pipeline, cases: Sequence[Case], retrieved: Sequence[Sequence[Retrieved]], display: Display, task: str
) -> list[Sequence[Retrieved]]:
    """The passages from which the answers are made; says so where prompts do not hold all that they were to."""
    decoder, given = pipeline.decoding.decoder, retrieved[: len(cases)]
    read = [decoder.reads(pipeline.generator, case.x, hs) for case, hs in zip(cases, given, strict=True)]
    held, wanted = sum(map(len, read)), sum(len(decoder.uses(hs)) for hs in given)
    if held < wanted:
        display.say(
            f"{task}: prompts hold {held / len(cases):.1f} passages of {wanted / len(cases):.1f} on average; "
            f"{pipeline.generator.bound}"
        )
    return read
