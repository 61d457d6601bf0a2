"""The whole attack as one command, with its table: ``python -m tests.reliability.hostile --out docs/reliability.md``.

Every bad input is met by the real command in a process of its own, in a copy of the same folder. It must end within ten
seconds with exit status 2 and one line that names the file or the option, change nothing and hold little memory.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

# A process that is forked must have no other thread.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = os.environ["TQDM_DISABLE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tests.reliability.hostile import stand
from tests.reliability.hostile.attack import attack, command
from tests.reliability.hostile.case import Case
from tests.reliability.hostile.tables import cases
from tests.reliability.page import replace_table

BEGIN, END = "<!-- table of python -m tests.reliability.hostile -->", "<!-- end of the table of bad inputs -->"
IMPORTED = (
    "faiss", "matplotlib.pyplot", "openpyxl", "peft", "pyarrow.parquet", "scipy.stats", "sentence_transformers",
    "transformers.models.bert.modeling_bert", "transformers.models.llama.modeling_llama", "uvicorn",
    "transformers.models.t5.modeling_t5", "jsarag.serving", "jsarag.exporting",
)  # fmt: skip
"""What the commands import when they need it."""


def chosen(everything: Sequence[Case], sample: int | None, words: Sequence[str]) -> list[Case]:
    """So many cases spread over all kinds; all of them where no number is given."""
    some = [case for case in everything if not words or any(word in str(case) for word in words)]
    if sample is None:
        return some
    draw = random.Random(0)
    draw.shuffle(some)
    seen = Counter[str]()
    ranked = []
    for case in some:
        seen[case.kind] += 1
        ranked.append((seen[case.kind], case))
    return [case for _, case in sorted(ranked, key=lambda pair: pair[0])][:sample]


def main() -> int:
    """Attack; 1 where a case is not clean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=None, help="so many cases, of all kinds; default: all")
    parser.add_argument("--only", nargs="+", default=[], help="cases whose name holds one of these")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a processor that a command may take")
    parser.add_argument("--show", action="store_true", help="show what every case says")
    parser.add_argument("--out", type=Path, default=None, help="page whose table is replaced")
    values = parser.parse_args()
    from jsarag.cli.main import COMMANDS

    for name in (*IMPORTED, *(f"jsarag.cli.{name}" for name in COMMANDS)):
        import_module(name)
    rows: dict[str, list[tuple[float, bool]]] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = stand.make(Path(name) / "stand")
        if values.sample is None and not values.only:
            for argv in stand.SOUND:
                made = command(argv, stand.copy(folder, Path(name) / "sound"))
                assert made.status == 0, (argv, made.err)
                shutil.rmtree(Path(name) / "sound")
        try:
            for case in chosen(cases(), values.sample, values.only):
                outcome, faults = attack(case, stand.copy(folder, Path(name) / "case"), values.seconds)
                shutil.rmtree(Path(name) / "case")
                rows.setdefault(case.kind, []).append((outcome.seconds, not faults))
                for fault in faults:
                    print(f"{case}: {fault}", file=sys.stderr, flush=True)
                if values.show:
                    print(f"{case} [{outcome.seconds:.1f} s] {outcome.err.strip()[-300:]}", flush=True)
        except KeyboardInterrupt:
            print("interrupted: the table holds what was done", file=sys.stderr)
    everything = [row for found in rows.values() for row in found]
    table = "\n".join(
        [
            "| kind of bad input | cases | clean | slowest, s |",
            "| --- | --- | --- | --- |",
            *(_line(kind, found) for kind, found in rows.items()),
            _line("all", everything),
            "",
            f"{len(everything):,} cases, {(time.monotonic() - began) / 60:.0f} minutes on one core.",
        ]
    )
    print(table)
    if values.out:
        replace_table(values.out, BEGIN, table, END)
    return int(not all(clean for _, clean in everything))


def _line(kind: str, found: Sequence[tuple[float, bool]]) -> str:
    return f"| {kind} | {len(found):,} | {sum(clean for _, clean in found):,} | {max(s for s, _ in found):.1f} |"


if __name__ == "__main__":
    sys.exit(main())
