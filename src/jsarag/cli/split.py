"""``jsarag split``: a question log as training, dev and test pairs, and whether they are enough to learn from."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from jsarag.audit import texts
from jsarag.audit.gains import alike, enough
from jsarag.checks import require
from jsarag.data import Columns, HistoryConfig, read_examples, read_passages, render, sound
from jsarag.data.split import Split, split
from jsarag.display.terminal import Terminal
from jsarag.display.visible import visible_line
from jsarag.files import write_json, write_jsonl
from jsarag.parsing import Parser
from jsarag.places import check_apart, check_folder, check_new_folder
from jsarag.types import Example
from jsarag.whole import whole

DESCRIPTION = """Split a question log into training, dev and test pairs, and tell whether they are enough.

A tenth of the pairs is held out for dev and a tenth for test; a dialog, and questions that are nearly the same, stay on
one side. Shown are contradictions (one question, two answers), answers that stand in no passage, and what training
gained on sets that were measured. `jsarag train --data.train log.csv` splits in the same way by itself."""

EXAMPLE = """jsarag split log.csv
jsarag split log.csv --passages kb/ --out pairs/"""

SIDES = ("train", "dev", "test")
FACTS = "split.json"
PLACES = 5
"""Lines that are named."""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag split", description=DESCRIPTION, example=EXAMPLE)
    parser.add_argument("log", nargs="?", type=Path, help="Pairs, as a file or folder of any shape that is known.")
    parser.add_argument("--passages", type=Path, help="The knowledge base, in which answers are looked up.")
    parser.add_argument("--out", type=Path, help="Folder for train.jsonl, dev.jsonl and test.jsonl.")
    parser.add_class_arguments(Columns, "data.columns", as_group=False)
    parser.add_argument("--data.encoding", type=str, default="auto", help="Encoding of the files; auto: found out.")
    values = parser.read(argv)
    require(values.log is not None, "LOG", "a file of pairs, such as log.csv", None)
    if values.out is not None:
        check_apart(values.out, [values.log, *filter(None, [values.passages])])
        check_new_folder(values.out, "--out")
        _check_ours(values.out)
    columns, encoding = parser.built(values).data.columns, values.data.encoding
    passages = [] if values.passages is None else sound(read_passages(values.passages, columns, encoding, Terminal()))
    reading = read_examples(values.log, columns, {h.id for h in passages} or None, encoding, Terminal())
    print(visible_line(reading.said))
    pairs = sound(reading, values.log)
    found = split(pairs, reading.dialogs)
    print(f"nothing held out: {found.reason}" if found.reason else _held_out(found))
    lines = [place.removeprefix(f"{values.log}:") for place in reading.places]
    _tell("questions that were answered otherwise before", _contradictions(pairs, lines), len(pairs))
    if passages:
        absent = texts.nowhere(pairs, texts.everything(passages))
        _tell("answers that stand word for word in no passage", [lines[i] for i in absent], len(pairs))
    print(f"{len(found.train):,} training pairs: {enough(len(found.train))}")
    for gain in alike(found.dialogs):
        print(f"  {gain}")
    if values.out is not None:
        files = _write(found, values.out)
        named = " ".join(f"--data.{name} {shlex.quote(str(file))}" for name, file in files.items())
        print(f"next: jsarag train --data.passages {values.passages or 'KB'} {named}")
    return 0


def _write(found: Split, folder: Path) -> dict[str, Path]:
    """Write the pairs of each side; returns the files."""
    sides = {name: examples for name in SIDES if (examples := getattr(found, name))}
    with whole(folder, _check_ours) as new:
        new.mkdir()
        for name, examples in sides.items():
            write_jsonl(new / f"{name}.jsonl", (example.record() for example in examples))
        write_json(new / FACTS, found.figures)
    return {name: folder / f"{name}.jsonl" for name in sides}


def _held_out(found: Split) -> str:
    sizes = ", ".join(f"{len(getattr(found, name)):,} {name}" for name in SIDES)
    return f"{sizes} pairs; near-duplicate questions{' and dialogs' * found.dialogs} are on one side"


def _contradictions(pairs: Sequence[Example], lines: Sequence[str]) -> list[str]:
    """Lines of questions that were asked before, in the same dialog, and answered otherwise."""
    xs = [render(pair, HistoryConfig(turns=0)) for pair in pairs]
    same = {i for i, _ in texts.doubled(xs, [pair.outputs[0] for pair in pairs])}
    return [f"{lines[i]} (first {lines[j]})" for i, j in texts.doubled(xs) if i not in same]


def _tell(what: str, places: Sequence[str], all_of: int) -> None:
    more = f" and {len(places) - PLACES:,} more" if len(places) > PLACES else ""
    shown = f": line {', '.join(places[:PLACES])}{more}" if places else ""
    print(f"{what}: {len(places):,} of {all_of:,}{shown}")


def _check_ours(folder: Path) -> None:
    names = [f"{name}.jsonl" for name in SIDES]
    ours = (folder / FACTS).is_file()
    check_folder(folder, [*names, FACTS] if ours else (), "jsarag split")
