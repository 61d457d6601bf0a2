"""Files of runs, indexes and data sets are damaged one by one; nothing may change a result without a word."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import jsarag
from jsarag.cli.main import main
from jsarag.cli.train import configured
from jsarag.data import load_examples, load_passages
from jsarag.kb import KnowledgeBase
from jsarag.report.record import read_record
from jsarag.training.trainer import Trainer
from jsarag.types import InputError
from jsarag.whole import refusal
from tests.test_training.test_finished import Lines
from tests.test_training.test_kills import told

SQUAD = Path(__file__).parents[1] / "data" / "squad"


def flip(path: Path, draw: random.Random, _: Path) -> None:
    """Change one bit."""
    raw = bytearray(path.read_bytes())
    raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
    path.write_bytes(raw)


def cut(path: Path, draw: random.Random, _: Path) -> None:
    """Keep the beginning."""
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])


def zero(path: Path, draw: random.Random, _: Path) -> None:
    """Lose a block, as a disk may."""
    raw = bytearray(path.read_bytes())
    begin = draw.randrange(len(raw))
    end = min(begin + 4096, len(raw))
    raw[begin:end] = bytes(end - begin)
    path.write_bytes(raw)


def exchange(path: Path, _: random.Random, other: Path) -> None:
    """Put in the file of that name of another run, index or data set."""
    shutil.copyfile(other, path)


def remove(path: Path, _: random.Random, __: Path) -> None:
    """Take the file away."""
    path.unlink()


DAMAGES: dict[str, Callable[[Path, random.Random, Path], None]] = {
    "bit flipped": flip,
    "cut short": cut,
    "block zeroed": zero,
    "another's file": exchange,
    "removed": remove,
}


class Refused(Exception):
    """One line, as a user gets it."""


def refused(read: Callable[[], Any]) -> Any:
    """What is read, or the line that refuses it; every other error is raised."""
    try:
        return read()
    except Exception as error:
        if not isinstance(error, InputError) and refusal(error) is None:
            raise
        assert "\n" not in str(error), error
        return Refused(str(error))


@dataclass
class Victim:
    """Something whose files are damaged.

    Attributes:
        name: What it is.
        folder: The undamaged one.
        other: One of the same kind, made with other settings or data.
        read: Gives what must be equal, in parts, and what was said: a part that is refused is a `Refused`.
        expected: What it gives undamaged.
    """

    name: str
    folder: Path
    other: Path
    read: Callable[[Path], tuple[list[Any], list[str]]]
    expected: list[Any]

    def files(self) -> list[str]:
        """Every file, but for curves that nothing of jsarag reads, and the lock."""
        files = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return sorted(name for name in files if not name.startswith(("tensorboard", ".lock")))

    def attack(self, damage: str, file: str, seed: int, place: Path) -> str:
        """What comes of a damage: equal, refused, told, or SILENT; unchanged where the damage changed nothing."""
        folder = Path(shutil.copytree(self.folder, place))
        path, before = folder / file, (folder / file).read_bytes()
        other = self.other / file
        if (damage == "another's file" and not other.is_file()) or not before:
            return "unchanged"
        DAMAGES[damage](path, random.Random(seed), other)
        if path.is_file() and path.read_bytes() == before:
            return "unchanged"
        found, said = self.read(folder)
        parts = zip(found, self.expected, strict=True)
        if any(not isinstance(part, Refused) and part != wanted for part, wanted in parts):
            return "told" if any("missing: the record begins" in line for line in said) else "SILENT"
        return "refused" if any(isinstance(part, Refused) for part in found) else "equal"


def cases(victims: dict[str, Victim], number: int, seed: int = 0) -> Iterator[tuple[Victim, str, str, int]]:
    """So many cases: every file with every damage in random order, then again at other places of the file."""
    every = [(victim, damage, file) for victim in victims.values() for damage, file in product(DAMAGES, victim.files())]
    draw = random.Random(seed)
    made = 0
    while made < number:
        draw.shuffle(every)
        for case in every[: number - made]:
            yield (*case, draw.randrange(2**32))
            made += 1


def victims(folder: Path, options: list[str]) -> dict[str, Victim]:
    """A stopped run, a finished one, an index and a data set, each with another one of its kind.

    Args:
        folder: Where they are made.
        options: Of a run, as `tests.world.options` gives them; its ``--out`` is not used.
    """
    at = options.index("--out")
    options = options[:at] + options[at + 2 :]
    quick = ("--evaluation.closed_book", "false", "--evaluation.limit", "2", "--objective.cache", "true")
    words = ["train", *options, *quick, "--loop.steps", "6", "--loop.eval_every", "2"]
    whole, other = folder / "whole", folder / "other"
    stopped = []
    for out, seed in ((whole, "0"), (other, "1")):
        seeded = [*words, "--loop.seed", seed]
        assert main([*seeded, "--out", str(out)]) == 0
        stopped.append(stop(seeded, folder / f"stopped-{out.name}"))
    index = ["index", "--passages", value(options, "--data.passages")]
    index += [
        "--encoder.model",
        value(options, "--encoder.model"),
        "--encoder.precision",
        "fp32",
        "--index.kind",
        "hnsw",
    ]
    convert = ["data", "squad", "--from", str(SQUAD), "--unverified"]
    for n, more in enumerate(([], ["--encoder.max_length", "8"])):
        assert main([*index, *more, "--out", str(folder / f"index-{n}")]) == 0
    for n, more in enumerate(([], ["--passages-limit", "1"])):
        assert main([*convert, *more, "--out", str(folder / f"data-{n}")]) == 0
    expected = told(whole)
    made = [
        Victim("run, stopped", stopped[0], stopped[1], resumed, [expected]),
        Victim("run, finished", whole, other, lambda run: (finished(run, whole), []), []),
        Victim("index", folder / "index-0", folder / "index-1", lambda at: ([refused(lambda: searched(at))], []), []),
        Victim("data set", folder / "data-0", folder / "data-1", lambda at: ([refused(lambda: loaded(at))], []), []),
    ]
    for victim in made[1:]:
        victim.expected = victim.read(Path(shutil.copytree(victim.folder, folder / "same" / victim.name)))[0]
        assert not any(isinstance(part, Refused) for part in victim.expected), victim.expected
    assert made[0].read(Path(shutil.copytree(made[0].folder, folder / "same" / "stopped")))[0] == [expected]
    return {victim.name: victim for victim in made}


def stop(words: list[str], out: Path) -> Path:
    """A run that ended in its sixth step, as a kill would have ended it: the newest checkpoint is that of step 4."""
    original = Trainer._step

    def step(self: Trainer) -> dict[str, float | None]:
        if self.state.step == 5:
            raise KeyError("killed")
        return original(self)

    with patch.object(Trainer, "_step", step), pytest.raises(KeyError, match="killed"):
        jsarag.train(configured([*words[1:], "--out", str(out)], "train", ""))
    return out


def value(options: list[str], name: str) -> str:
    """The word after an option."""
    return options[options.index(name) + 1]


def resumed(run: Path) -> tuple[list[Any], list[str]]:
    """A stopped run goes on to its end."""
    display = Lines()

    def go() -> Any:
        assert jsarag.resume(run, display=display) is not None
        return told(run)

    return [refused(go)], display.said


def finished(run: Path, whole: Path) -> list[Any]:
    """All that reads a finished run."""

    def asked() -> Any:
        answer = jsarag.Run.load(run).ask("where is the red lamp ?")
        return answer.text, [(h.passage, h.probability) for h in answer.passages]

    def compared() -> Any:
        return [
            (group.label, [replace(m, folder=Path(), settings={**m.settings, "out": ""}) for m in group.members])
            for group in jsarag.compare([run, whole])
        ]

    def reported() -> Any:
        record = read_record(run)
        if record.missing:
            return Refused(f"the report lacks {record.missing}")
        # Which names the folder of the run, and its last line.
        kept = [line for line in record.config.splitlines() if not line.startswith(("out:", "# jsarag: run "))]
        return replace(record, name="", config="\n".join(kept))

    return [refused(read) for read in (lambda: jsarag.resume(run), asked, compared, reported)]


def searched(place: Path) -> Any:
    """All of an index."""
    kb = KnowledgeBase.load(place)
    scores, positions = kb.search(kb.vectors[:4], 5)
    return kb.passages, kb.vectors.tolist(), kb.fingerprint, kb.kind, scores.tolist(), positions.tolist()


def loaded(place: Path) -> Any:
    """All of a data set that is asked for by name."""
    passages = load_passages(place / "passages.jsonl")
    return passages, [load_examples(place / f"{split}.jsonl") for split in ("train", "dev")]
