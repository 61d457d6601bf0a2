"""What a run has brought, in words: before against after by paired tests, what was kept, what it cost, what is next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jsarag.metrics import BASELINE, Unit, block_of
from jsarag.report.numbers import change_told, duration, p_told, told

SURE = 0.05
"""A difference is called one where the p of its paired test is below this."""

Outcome = Literal["better", "worse", "same", "untested"]

KEPT = "untrained models kept: nothing was learned"
TRY = (
    "try lower rates (--optim.lr-prior, --optim.lr-posterior and --optim.lr-generator), more steps (--loop.epochs or "
    "--loop.steps), or --loop.keep last, which keeps the trained models all the same"
)


@dataclass(frozen=True)
class Line:
    """One figure on two sides.

    Attributes:
        title: What was measured.
        before: Left side: before training, without passages, or of a baseline; None where it was not measured.
        after: Of the run as it is now.
        p: Of the paired test; None where there was none.
        better: 1 where more is better, -1 where less is.
        unit: Of both figures.
        beside: Whether the left side is something else than the run before training.
    """

    title: str
    before: float | None
    after: float
    p: float | None = None
    better: int = 1
    unit: Unit = "percent"
    beside: bool = False

    @property
    def outcome(self) -> Outcome:
        """Better or worse where the test tells the difference from chance."""
        if self.before is None or self.p is None:
            return "untested"
        gain = (self.after - self.before) * self.better
        if self.p >= SURE or gain == 0:
            return "same"
        return "better" if gain > 0 else "worse"

    @property
    def text(self) -> str:
        """``32.5 % → 44.4 % (+12.0 points, p < 0.001)``, or ``44.4 %`` where there is one side alone."""
        if self.before is None:
            return told(self.after, self.unit)
        test = f"{change_told(self.after - self.before, self.unit)}"
        if self.p is not None:
            test += f", {p_told(self.p)}"
        left, right = told(self.before, self.unit), told(self.after, self.unit)
        sides = f"{right} against {left}" if self.beside else f"{left} → {right}"
        return f"{sides} ({test})"


@dataclass(frozen=True)
class Verdict:
    """The run in words.

    Attributes:
        headline: One sentence.
        outcome: Of the figure that decides: of retrieval, where that was measured, else of the answers.
        lines: What was measured, most important first.
        models: Which models the run ends with.
        learned: False where the run ends with the models as they were before training.
        cost: Minutes and memory.
        declines: When `jsarag ask` declines to answer; or why it never does; empty where that is not known.
    """

    headline: str
    outcome: Outcome
    lines: tuple[Line, ...]
    models: str
    learned: bool
    cost: str
    declines: str = ""


def verdict(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    paired: Mapping[str, Mapping[str, Mapping[str, float]]],
    run: Mapping[str, Any],
    cost: Mapping[str, float],
    abstention: Mapping[str, Any] | None = None,
) -> Verdict:
    """The verdict on a run.

    Args:
        before: Block to metric to its ``mean``, before training; None where it was not measured.
        after: The same after training.
        paired: The summary's ``paired``; empty where an earlier version wrote it.
        run: The summary's ``run``.
        cost: The summary's ``cost``.
        abstention: The summary's ``abstention``.
    """
    before, after = before or {}, after or {}
    tests = paired.get("before", {})
    retrieval = _line(_retrieval(after), before, after, tests)
    answers = _line("answers/f1", before, after, tests, "answers' F1")
    lines = [line for line in (retrieval, answers) if line]
    more = [_line("likelihood/per_token", before, after, tests, "log p of the answer, a token")]
    lines += [line for line in more if line]
    lines += beside(after, paired)
    learned = not _untrained(run)
    return Verdict(
        _headline(retrieval, answers, learned, run.get("start")),
        next((line.outcome for line in (retrieval, answers) if line), "untested"),
        tuple(lines),
        _models(run),
        learned,
        _cost(cost),
        _declines(abstention or {}) or str(run.get("no_abstention") or ""),
    )


def beside(after: Mapping[str, Any], paired: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Line]:
    """The answers beside those without passages, and retrieval beside each baseline, where they were measured."""
    lines = [_beside("closed_book", "answers/f1", "no passages", "answers' F1", paired)]
    for block in paired:
        if block.startswith(BASELINE):
            other = block_of(block).title.removeprefix("Baseline: ")
            lines.append(_beside(block, _retrieval(after), other, "", paired))
    return [line for line in lines if line]


def next_steps(run: str) -> list[tuple[str, str]]:
    """What to do with a finished run in that folder: a purpose and its command."""
    return [
        ("ask", f'jsarag ask --run {run} "your question"'),
        ("measure", f"jsarag evaluate --run {run} --modes all"),
        ("compare", f"jsarag compare {run} ANOTHER-RUN"),
    ]


def _retrieval(after: Mapping[str, Any]) -> str:
    """The figure that tells the quality of retrieval: by labels, else by where answers stand or by their words."""
    if "hit@1" in after.get("prior", {}):
        return "prior/hit@1"
    evidence = after.get("evidence", {})
    cutoffs = [int(name.partition("@")[2]) for name in evidence if name.startswith("answer@")]
    if not cutoffs:
        return ""
    k = max(cutoffs)
    # Where answers are in words of their own, next to none stands in a passage, and their words tell more.
    copied = evidence[f"answer@{k}"]["mean"] >= 0.5 * evidence[f"words@{k}"]["mean"]
    return f"evidence/answer@{k}" if copied else f"evidence/words@{k}"


def _line(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any], tests: Mapping[str, Any], title: str = ""
) -> Line | None:
    block, _, metric = name.rpartition("/")
    one, other = (side.get(block, {}).get(metric) for side in (before, after))
    if not other:
        return None
    figure = block_of(block).figure(metric)
    p = tests.get(name, {}).get("p")
    left = one["mean"] if one else None
    return Line(title or figure.title, left, other["mean"], p, figure.better, figure.unit)


def _beside(
    side: str, name: str, other: str, title: str, paired: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> Line | None:
    """The run beside what else could have been done, where both were measured."""
    test = paired.get(side, {}).get(name)
    if test is None:
        return None
    block, _, metric = name.rpartition("/")
    figure = block_of(block).figure(metric)
    title = f"{title or figure.title}, beside {other}"
    return Line(title, test["before"], test["after"], test["p"], figure.better, figure.unit, beside=True)


WORDS: dict[Outcome, str] = {
    "better": "got better",
    "worse": "got worse",
    "same": "did not change beyond chance",
}


def _headline(retrieval: Line | None, answers: Line | None, learned: bool, start: object) -> str:
    if not learned and start:
        return f"Nothing more was learned: the run keeps the models of {start}."
    if not learned:
        return "Nothing was learned: the run keeps the untrained models."
    known = [(name, line) for name, line in (("Retrieval", retrieval), ("Answers", answers)) if line]
    if not known:
        return "No figures before or after training."
    tested = [(name, line) for name, line in known if line.outcome != "untested"]
    if not tested:
        facts = "; ".join(f"{line.title}: {line.text}" for _, line in known)
        return f"{facts[0].upper()}{facts[1:]}."
    if len({line.outcome for _, line in tested}) == 1:
        names = " and ".join(name if i == 0 else name.lower() for i, (name, _) in enumerate(tested))
        return f"{names} {WORDS[tested[0][1].outcome]}."
    (first, one), (second, other) = tested
    return f"{first} {WORDS[one.outcome]}; {second.lower()} {WORDS[other.outcome]}."


def _untrained(run: Mapping[str, Any]) -> bool:
    kept = run.get("checkpoint")
    return isinstance(kept, Mapping) and kept.get("step") == 0


def _models(run: Mapping[str, Any]) -> str:
    kept, steps = run.get("checkpoint"), run.get("steps")
    if not isinstance(kept, Mapping):
        return ""
    if _untrained(run):
        reason = "no evaluation on dev was better than before training" if steps else "no step was made"
        kept_ones = f"models of {run['start']} kept: nothing more was learned" if run.get("start") else KEPT
        return f"{kept_ones}, because {reason}; {TRY}"
    which = "the best on dev" if kept.get("name") == "best" else "the last"
    return f"of step {kept.get('step')} of {steps}, {which}"


def _cost(cost: Mapping[str, float]) -> str:
    parts = []
    if "seconds" in cost:
        parts.append(f"{duration(cost['seconds'])} of training")
    if "peak_memory_bytes" in cost:
        parts.append(f"{cost['peak_memory_bytes'] / 2**30:.1f} GiB of memory at most")
    return ", ".join(parts)


def _declines(abstention: Mapping[str, Any]) -> str:
    if not {"threshold", "coverage", "precision", "precision_of_all"} <= abstention.keys():
        return ""
    coverage, precision, all_of = (told(abstention[name]) for name in ("coverage", "precision", "precision_of_all"))
    return (
        f"below evidence {abstention['threshold']:.1f}: it answers {coverage} of the dev questions, "
        f"{precision} of them with a right passage ({all_of} of all)"
    )
