"""The model card of an export, made from the files of the run."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from jsarag import layout
from jsarag.exporting.parts import Parts
from jsarag.exporting.retriever import query_limit, written
from jsarag.files import read_json
from jsarag.metrics import BASELINE, Estimate, block_of
from jsarag.report.before_after import Row, tables
from jsarag.report.numbers import bounds, duration, number
from jsarag.report.record import Blocks, Record, read_record
from jsarag.report.verdict import verdict
from jsarag.run.fingerprints import versions

NOT_SHOWN = ("posterior",)
"""Blocks of figures about what is not in an export."""


def card(parts: Parts, name: str, summary: dict[str, Any] | None) -> str:
    """The text of ``README.md``.

    Args:
        parts: What is exported.
        name: The heading.
        summary: Of the run, as in the export's ``summary.json``; None of a run that is not finished.
    """
    run = Path(parts.config.out)
    record = read_record(run)
    sections = [
        _front(parts),
        f"# {name}",
        _what(parts, record),
        "## Parts\n\n" + _contents(parts),
        "## Figures\n\n" + "\n\n".join(_figures(record) if summary else ["The run is not finished: there are none."]),
        "## Models\n\n" + _models(parts),
        "## Data\n\n" + _data(run),
        "## Training\n\n" + _training(parts, record, summary or {}),
        "## How questions and passages are read\n\n" + _reading(parts),
        "## Prompt\n\n" + _prompt(parts),
    ]
    return "\n\n".join(sections) + "\n"


def _front(parts: Parts) -> str:
    """What the hub reads."""
    bases = [base.hub for base in parts.bases.values() if base.hub]
    facts: dict[str, Any] = {"tags": ["jsarag", "retrieval-augmented-generation", "sentence-transformers"]}
    if parts.adapters:
        facts["tags"].append("peft")
    if bases:
        facts["base_model"] = bases
    return f"---\n{yaml.safe_dump(facts, sort_keys=False)}---"


def _what(parts: Parts, record: Record) -> str:
    told = (
        "A retriever and a generator that were trained together, with their knowledge base, by "
        "[JSA-RAG](https://arxiv.org/abs/2508.18168) (package jsarag)."
    )
    if record.after:
        before, after = _means(record.before), _means(record.after)
        told += " " + verdict(before, after, record.paired, record.run, record.cost, record.abstention).headline
    return told


def _means(blocks: Blocks) -> dict[str, dict[str, dict[str, float]]]:
    return {block: {name: asdict(figure) for name, figure in found.items()} for block, found in blocks.items()}


def _contents(parts: Parts) -> str:
    sides = "one encoder" if parts.documents is parts.prior else "two encoders: one reads questions, one passages"
    generator = f"adapters (PEFT) for {parts.bases['generator'].name}" if parts.adapters else "a model of transformers"
    index = "exact inner product" if parts.kind.exact else f"{parts.kind.name}, inner product"
    rows = [
        (f"`{layout.RETRIEVER}/`", f"a model of sentence-transformers, {sides}"),
        (f"`{layout.GENERATOR}/`", generator),
        (f"`{layout.PASSAGES}`", f"{len(parts.kb):,} passages with vectors of {parts.kb.vectors.shape[1]} numbers"),
        (f"`{layout.FAISS}`", f"a FAISS index over the same rows, {index}"),
        (f"`{layout.CONFIG}`, `{layout.SUMMARY}`", "settings and figures of the run"),
        (f"`{layout.CHECKSUMS}`", "SHA-256 of all files"),
    ]
    return _table(("file", "what"), rows)


def _figures(record: Record) -> Iterator[str]:
    """What was measured before and after training, and other retrievers beside."""
    yield "Percent [95 % interval] on the test pairs, unless nats are named."
    for table in tables(record.before, record.after, record.paired.get("before", {})):
        if table.block not in NOT_SHOWN and table.open:
            head = (table.title, "before training", "after", "p")
            yield _table(
                head, [(row.name, _cell(row, row.before), _cell(row, row.after), row.test) for row in table.open]
            )
    for block, found in record.baselines.items():
        if block.startswith(BASELINE):
            figures = [(block_of(block).figure(name), estimate) for name, estimate in found.items()]
            rows = [(f.title, f"{number(e.mean, f.unit)} {bounds(e, f.unit)}") for f, e in figures if not f.folded]
            yield _table((block_of(block).title, "without training"), rows)


def _cell(row: Row, figure: Estimate | None) -> str:
    return "–" if figure is None else f"{number(figure.mean, row.unit)} {bounds(figure, row.unit)}"


def _models(parts: Parts) -> str:
    rows = [(part, _code(base.name), base.told, base.licence or "not known here") for part, base in parts.bases.items()]
    told = _table(("part", "base", "weights from", "licence"), rows)
    if not parts.adapters and parts.config.generator.lora is not None:
        told += "\n\nThe adapters were added to the generator's weights, in float32."
    return told


def _data(run: Path) -> str:
    file = run / layout.FINGERPRINTS
    if not file.is_file():
        return "The run kept no fingerprints of its data."
    found = read_json(file)["data"]
    rows = [(name, f"{part['rows']:,}", f"`{part['sha256']}`") for name, part in found.items() if part["rows"]]
    return _table(("data", "rows", "SHA-256"), rows)


def _training(parts: Parts, record: Record, summary: dict[str, Any]) -> str:
    run, cost = summary.get("run", {}), summary.get("cost", {})
    facts = [f"objective {parts.config.objective.name}", f"weights `{parts.weights}`, of step {parts.step:,}"]
    facts += [f"{run['steps']:,} steps, {run['examples']:,} examples"] if "steps" in run else []
    facts += [f"{duration(cost['seconds'])}"] if "seconds" in cost else []
    packages = run.get("versions") or versions()
    command = f"jsarag train --config {layout.CONFIG} --out {shlex.quote(Path(parts.config.out).name)}"
    return "\n\n".join(
        [
            f"{', '.join(facts)}.",
            f"All settings stand in `{layout.CONFIG}`, which names files of data without their folders. The command:",
            f"    {command}",
            "Packages: " + ", ".join(f"{name} {version}" for name, version in packages.items()) + ".",
        ]
    )


def _reading(parts: Parts) -> str:
    """How the texts for the retriever are written, and where sentence-transformers differs from jsarag."""
    question, passage = written(parts.prior, "query"), written(parts.documents, "document")
    rows = [
        ("question", "`encode_query`", _code(question.template), _code(question.prompt)),
        ("passage", "`encode_document`", _code(passage.template), _code(passage.prompt)),
    ]
    told = [_table(("text", "read by", "written as", "prompt, which the model adds by itself"), rows)]
    if "{title}" in passage.template:
        told.append(f"A passage without a title is written as {_code(passage.untitled)}.")
    limit = query_limit(parts.prior)
    if limit is not None:
        told.append(f"Of a question of more than {limit} tokens jsarag cuts the start, sentence-transformers the end.")
    told.append(f"Vectors are compared by inner product{_length(parts)}.")
    return "\n\n".join(told)


def _length(parts: Parts) -> str:
    if parts.kb.similarity == "cosine":
        return f" after they were given length 1, as those in `{layout.PASSAGES}` were"
    return ""


def _prompt(parts: Parts) -> str:
    prompt = parts.config.generator.prompt
    how = "as a message of the user, in the model's chat template" if parts.generator.prompt.chat else "as plain text"
    return "\n".join(
        [
            f"The generator was trained on this text, {how}, with a passage written as {_code(prompt.passage)}:",
            "",
            *(f"    {line}".rstrip() for line in prompt.template.splitlines()),
        ]
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cellular(cell) for cell in line)} |" for line in lines)


def _cellular(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    """Text as code on one line; nothing is no code."""
    shown = text.encode("unicode_escape").decode("ascii") if "\n" in text or "`" in text else text
    return f"`{shown}`" if text else "none"
