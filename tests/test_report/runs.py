"""A made-up run folder: every file a report is made from, with figures whose texts are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsarag.files import write_json, write_jsonl, write_text

NASTY = "<script>alert('x')</script> & \"quoted\""


def estimate(mean: float, low: float, high: float) -> dict[str, float]:
    return {"mean": mean, "low": low, "high": high}


def summary() -> dict[str, Any]:
    before: dict[str, Any] = {
        "prior": {"hit@1": estimate(0.61, 0.57, 0.65), "mrr@10": estimate(0.7, 0.66, 0.74)},
        "posterior": {"hit@1": estimate(0.8, 0.76, 0.84)},
        "answers": {"em": estimate(0.3, 0.26, 0.34), "rougeL": estimate(0.4, 0.37, 0.43)},
        "closed_book": None,
    }
    after: dict[str, Any] = {
        "prior": {"hit@1": estimate(0.742, 0.701, 0.78), "mrr@10": estimate(0.72, 0.68, 0.76)},
        "posterior": {"hit@1": estimate(0.7, 0.66, 0.7401)},
        "answers": {"em": estimate(0.3, 0.26, 0.34), "rougeL": None, "f1": estimate(0.5, 0.45, 0.55)},
    }
    tested = {"prior/hit@1": (0.132, 0.0001), "prior/mrr@10": (0.02, 0.2), "posterior/hit@1": (-0.1, 0.01)}
    tests = {
        name: {"mean": mean, "low": mean - 0.01, "high": mean + 0.01, "p": p} for name, (mean, p) in tested.items()
    }
    tests["answers/em"] = {"mean": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}
    beside = {"before": 0.5, "after": 0.742, "mean": 0.242, "low": 0.2, "high": 0.3, "p": 0.0001}
    return {
        "before": before,
        "after": after,
        "baselines": {"baseline:bm25": {"hit@1": estimate(0.5, 0.4, 0.6), "mrr@10": estimate(0.6, 0.5, 0.7)}},
        "paired": {"before": tests, "baseline:bm25": {"prior/hit@1": beside}},
        "cost": {"seconds": 3723.4, "tokens_scored": 1234567, "tokens_trained": 4321, "peak_memory_bytes": 3 * 2**29},
        "run": {
            "objective": "jsa",
            "steps": 120,
            "checkpoint": {"name": "best", "step": 100},
            "examples": 960,
            "passages": 1348,
            "versions": {"torch": "2.13.0"},
            "warnings": ["retrieval collapses"],
        },
    }


def step(number: int, **values: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": "step", "step": number, "seconds": 1.5 * number, "loss": 10 / number}
    for name in ("prior", "posterior", "generator"):
        row |= {f"grad_norm/{name}": 0.5 * number, f"grad_variance/{name}": None if number == 1 else 0.1}
    figures: tuple[str, ...] = (
        "acceptance",
        "ess",
        "top1_mass",
        "entropy_prior",
        "entropy_posterior_retriever",
        "entropy_posterior",
    )
    figures += ("autocorrelation", "chain_ess", "chain_error", "chain_error_half", "chain_error_fresh")
    return (
        row
        | dict.fromkeys(figures, 0.5)
        | {"kl_posterior_q": 0.2, "distinct_proposals": 7.5, "step_seconds": 3.0, "drift": 0.01, "hit@1": None}
        | values
    )


def metrics() -> list[dict[str, Any]]:
    return [
        *[step(i) for i in range(1, 41)],
        {"kind": "dev", "step": 20, "prior": {"hit@1": 0.6, "mrr@10": 0.7}, "posterior": {"hit@1": None}},
        {"kind": "dev", "step": 40, "prior": {"hit@1": 0.7, "mrr@10": 0.75}, "posterior": {"hit@1": 0.8}},
        {"kind": "index", "step": 15, "overlap": 0.9},
        {"kind": "index", "step": 30, "overlap": 0.7, "overlap_of_old": 0.65, "rebuild_seconds": 2.0},
        {"kind": "warning", "step": 12, "text": "retrieval collapses"},
        {"kind": "warning", "step": 30, "text": f"odd {NASTY}"},
    ]


def example(name: str, before: str, after: str, gold: str, **values: Any) -> dict[str, Any]:
    """An example whose passages are named by letters, best first; probability 1/2, 1/4 and so on."""
    row: dict[str, Any] = {"id": name, "input": f"question {name}", "outputs": [f"answer {name}"], "gold": list(gold)}
    for when, letters in (("before", before), ("after", after)):
        passages = [
            {"id": h, "title": f"Title {h}", "text": f"text of {h}", "probability": 0.5 ** (i + 1)}
            for i, h in enumerate(letters)
        ]
        row[when] = {"answer": f"{when} {name}", "passages": passages}
    return row | values


def examples() -> list[dict[str, Any]]:
    return [
        example("won-1", "abcdef", "fabcde", "f"),
        example("same", "abc", "acb", "a"),
        example("other-1", "abc", "bca", "c"),
        example("lost-1", "abc", "bac", "a", input=f"lost {NASTY}"),
    ]


def make_run(folder: Path, *, without: str = "") -> Path:
    """Write every file of a run but the one named."""
    files: dict[str, Any] = {
        "config.yaml": f"objective:\n  name: jsa # {NASTY}\n  m: 50\n",
        "summary.json": summary(),
        "metrics.jsonl": metrics(),
        "examples.jsonl": examples(),
    }
    writers: dict[str, Any] = {".yaml": write_text, ".json": write_json, ".jsonl": write_jsonl}
    for name, content in files.items():
        if name != without:
            writers[Path(name).suffix](folder / name, content)
    return folder
