"""The whole attack as one command, with its table: ``python -m tests.reliability --out docs/reliability.md``.

300 kills of training, 400 damaged files, disks that are full at every write, 16 threads in every mode. The table goes
to standard output, and between the marks of the page given; Ctrl-C ends early with the table of what was done.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import tiny, world
from tests.reliability import damage
from tests.reliability.page import replace_table
from tests.test_training import test_kills
from tests.test_training.processes import begin

BEGIN, END = "<!-- table of python -m tests.reliability -->", "<!-- end of table -->"
Attack = Callable[[Path, list[str], argparse.Namespace, "list[Row]"], None]


@dataclass
class Row:
    """A line of the table: what was attacked, how, and how often what came of it."""

    target: str
    attack: str
    outcomes: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """In Markdown; what must not be is in capitals."""
        came = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return f"| {self.target} | {self.attack} | {self.outcomes.total()} | {came} |"

    @property
    def failed(self) -> bool:
        """Whether something came of it that must not."""
        return any(outcome.isupper() for outcome in self.outcomes)


def kills(folder: Path, options: list[str], values: argparse.Namespace, rows: list[Row]) -> None:
    """Training is killed at operations on files and at rows of its record, and goes on; it must be the same run."""
    each = -(-values.kills // len(values.kinds))
    for kind in values.kinds:
        row = Row(f"train, {kind}", "killed at any file operation or moment, resumed")
        rows.append(row)
        place = folder / kind
        place.mkdir()
        expected = test_kills.Whole(
            [*options, *test_kills.BASE, *test_kills.KINDS[kind]], place, test_kills.STARTED.get(kind, begin)
        )
        draw = random.Random(values.seed)
        while row.outcomes.total() < each:
            number = draw.randint(1, 3)
            try:
                with tempfile.TemporaryDirectory(dir=place) as own:
                    row.outcomes["equal to the undisturbed run"] += test_kills.killed(expected, Path(own), draw, number)
            except AssertionError:
                traceback.print_exc()
                row.outcomes["NOT EQUAL"] += number


def damages(folder: Path, options: list[str], values: argparse.Namespace, rows: list[Row]) -> None:
    """Files are damaged; what reads them refuses in one line, or gives what it gave."""
    made = damage.victims(folder, options)
    found = {(name, how): Row(name, how) for name in made for how in damage.DAMAGES}
    rows += found.values()
    for done, (victim, how, file, seed) in enumerate(damage.cases(made, values.damages, values.seed), start=1):
        with tempfile.TemporaryDirectory(dir=folder) as own:
            try:
                outcome = victim.attack(how, file, seed, Path(own) / "copy")
            except Exception:
                traceback.print_exc()
                outcome = "CRASHED"
        if outcome.isupper():
            print(f"{outcome}: {victim.name}, {file}, {how}, seed {seed}", file=sys.stderr)
        found[victim.name, how].outcomes[outcome] += 1
        if done % 20 == 0:
            print(f"{done} of {values.damages} damages", file=sys.stderr, flush=True)


class Outcomes:
    """Counts what pytest reports."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.counts["FAILED" if report.failed else report.outcome] += report.when == "call" or not report.passed


def tested(target: str, attack: str, file: str) -> Attack:
    """An attack that is a file of the suite, its slow part included."""

    def run(_: Path, __: list[str], ___: argparse.Namespace, rows: list[Row]) -> None:
        seen = Outcomes()
        rows.append(Row(target, attack, seen.counts))
        # This process has imported what pytest would prepare.
        options = ["-q", "-m", "slow or not slow", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        pytest.main([*options, str(Path(__file__).parents[1] / file)], plugins=[seen])

    return run


ATTACKS: dict[str, Attack] = {
    "kills": kills,
    "damages": damages,
    "disks": tested("index, data, train, evaluate", "a disk that is full at any write", "test_full_disk.py"),
    "threads": tested("answers, embeddings, scores", "16 threads over every mode", "test_threads.py"),
}


def main() -> int:
    """Attack; 1 where something came of it that must not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300, help="of training")
    kinds = list(test_kills.KINDS)
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds, help="of training that is killed")
    parser.add_argument("--damages", type=int, default=400, help="files damaged")
    parser.add_argument("--parts", nargs="+", choices=list(ATTACKS), default=list(ATTACKS), help="attacks to make")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn")
    parser.add_argument("--out", type=Path, default=None, help="page whose table is replaced")
    values = parser.parse_args()
    rows: list[Row] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = world.write(folder / "data")
        encoder, generator = tiny.encoder(folder / "encoder"), tiny.causal(folder / "causal")
        try:
            for part in values.parts:
                place = folder / part
                place.mkdir()
                ATTACKS[part](place, world.options(data, encoder, generator, place / "out"), values, rows)
        except KeyboardInterrupt:
            print("interrupted: the table holds what was done", file=sys.stderr)
    table = "\n".join(
        [
            "| what | attack | cases | outcome |",
            "| --- | --- | --- | --- |",
            *(row.line() for row in rows if row.outcomes),
            "",
            f"{sum(row.outcomes.total() for row in rows)} cases, {(time.monotonic() - began) / 60:.0f} minutes.",
        ]
    )
    print(table)
    if values.out:
        replace_table(values.out, BEGIN, table, END)
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
