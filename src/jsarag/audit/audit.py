"""Files of pairs and passages, looked at before training: all faults at once, and what training would make of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from jsarag.audit import texts
from jsarag.audit.lengths import Lengths, Reader, Shown
from jsarag.data import Columns, HistoryConfig, Reading, render
from jsarag.data.formats import AUTO
from jsarag.data.reading import examples_of, holds_pairs, open_sheet, passages_of
from jsarag.data.shapes import Sheet
from jsarag.display import Display
from jsarag.metrics.words import overlap, passage_words
from jsarag.models import EncoderConfig, GeneratorConfig, load_encoder
from jsarag.types import Example, InputError, Passage

PLACES = 5
"""Places that are kept of each group."""
PAIRS = 3
"""Pairs that are shown."""
SAMPLE = 2000
"""Texts whose tokens are counted; of a larger file so many, evenly spread."""
SEARCHED = 20_000
"""Passages among which one is looked for to show a pair with."""


@dataclass(frozen=True)
class Group:
    """What was found in several places.

    Attributes:
        kind: What it is, in a few words.
        count: In how many places.
        places: The first of these places.
    """

    kind: str
    count: int
    places: tuple[str, ...]

    @classmethod
    def of(cls, kind: str, places: Sequence[str]) -> Group:
        """Group ``places``."""
        return cls(kind, len(places), tuple(places[:PLACES]))


@dataclass(frozen=True)
class FileAudit:
    """One file.

    Attributes:
        path: The file.
        said: What it was read as.
        items: Pairs or passages that can be used.
        problems: Faults for which training would refuse the file.
        remarks: What training would take as it is, and a person may want to know.
        left_out: Records that hold no pair and no passage, by the reason.
        unknown: Fields that are not read.
    """

    path: str
    said: str
    items: int
    problems: tuple[Group, ...]
    remarks: tuple[Group, ...] = ()
    left_out: tuple[Group, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audit:
    """All that was found.

    Attributes:
        files: One a file, passages first.
        across: What concerns two files.
        lengths: Texts in tokens.
        shown: The first pairs as the generator reads them.
    """

    files: tuple[FileAudit, ...]
    across: tuple[Group, ...]
    lengths: tuple[Lengths, ...] = ()
    shown: tuple[Shown, ...] = ()

    @property
    def faults(self) -> int:
        """How many faults training would refuse."""
        return sum(group.count for file in self.files for group in file.problems)


@dataclass(frozen=True)
class Look:
    """How the models would read the files.

    Attributes:
        encoder: Prior, posterior and passage encoder.
        generator: The generator.
        history: How the turns of a dialog become x.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)


@dataclass(frozen=True)
class Files:
    """Files as they were read, each with its path; what could not be read at all is in ``failed``."""

    passages: list[tuple[str, Reading[Passage]]] = field(default_factory=list)
    pairs: list[tuple[str, Reading[Example]]] = field(default_factory=list)
    failed: list[FileAudit] = field(default_factory=list)

    @classmethod
    def read(
        cls,
        paths: Sequence[str | Path],
        passages: str | Path | None,
        columns: Columns,
        encoding: str,
        display: Display | None = None,
    ) -> Files:
        """Read ``paths``, whatever each holds, and the knowledge base."""
        found, sheets = cls(), list[tuple[str, Sheet]]()
        for path in dict.fromkeys([*([passages] if passages is not None else []), *paths]):
            name = str(path)
            try:
                sheet = open_sheet(path, encoding, display)
                if path != passages and holds_pairs(sheet, columns):
                    sheets.append((name, sheet))
                else:
                    found.passages.append((name, passages_of(sheet, columns)))
            except InputError as error:
                found.fail(name, error)
        asked = next(filter(None, (columns.input, columns.outputs)), None)
        if asked and paths and not sheets and not found.failed:
            message = f"no file has a column {asked!r}, so that none was read as pairs"
            found.fail(str(paths[-1]), InputError(f"data.columns: {message}"))
        ids = {h.id for _, reading in found.passages for h in reading.items} if found.passages else None
        for name, sheet in sheets:
            try:
                found.pairs.append((name, examples_of(sheet, columns, ids)))
            except InputError as error:
                found.fail(name, error)
        return found

    def fail(self, name: str, error: InputError) -> None:
        """Keep what is wrong with a whole file."""
        self.failed.append(FileAudit(name, f"{name}: not read", 0, (Group(str(error), 1, ()),)))


def audit(
    paths: Sequence[str | Path],
    *,
    passages: str | Path | None = None,
    columns: Columns | None = None,
    encoding: str = AUTO,
    look: Look | None = None,
    models: bool = True,
    display: Display | None = None,
) -> Audit:
    """Look at files of pairs and passages as training would read them; nothing is written.

    Args:
        paths: The files; by its fields each is taken for pairs or for passages.
        passages: The knowledge base, where its fields do not tell it from pairs (SQuAD, question/answer/context).
        columns: Where fields lie, if under other names than the common ones.
        encoding: Of text; ``auto``: found out.
        look: How the models would read the files.
        models: Load tokenizers and count tokens; without, texts alone are looked at.
        display: Shown progress where a data set of the hub is read.

    Raises:
        InputError: a model of ``look`` cannot be had. What is wrong with a file is in the result.

    Example:
        >>> audit(["kb.csv", "questions.csv"], models=False).faults
        0
    """
    files, look = Files.read(paths, passages, columns or Columns(), encoding, display), look or Look()
    kb = [h for _, reading in files.passages for h in reading.items]
    asked = [(name, reading, [render(e, look.history) for e in reading.items]) for name, reading in files.pairs]
    found = [_of_passages(name, reading) for name, reading in files.passages]
    everything = texts.everything(kb) if asked else ""
    found += [_of_pairs(name, reading, xs, everything) for name, reading, xs in asked]
    across = [
        Group.of(f"question of {name} that {earlier} asks as well", [reading.places[i] for i in texts.shared(xs, ys)])
        for (earlier, _, xs), (name, reading, ys) in combinations(asked, 2)
    ]
    across = [group for group in across if group.count]
    if not models:
        return Audit((*files.failed, *found), tuple(across))
    examples, inputs = [e for _, r, _ in asked for e in r.items], [x for *_, xs in asked for x in xs]
    lengths, shown = _passage_lengths(kb, look.encoder), []
    if examples:
        reader, held = Reader(look.generator), Passages(kb)
        lengths += _pair_lengths(examples, inputs, kb, reader)
        first = list(zip(examples, inputs, strict=True))[:PAIRS]
        shown = [reader.show(e.id, x, e.outputs[0], held.best(e)) for e, x in first]
    return Audit((*files.failed, *found), tuple(across), tuple(lengths), tuple(shown))


class Passages:
    """A knowledge base in which a pair's passage is looked up without a model."""

    def __init__(self, kb: Sequence[Passage]) -> None:
        """Take the passages; of a large knowledge base only the first are looked through."""
        self.by_id = {h.id: h for h in kb}
        self.words = [(h, passage_words(f"{h.title} {h.text}")) for h in kb[:SEARCHED]]

    def best(self, example: Example) -> Passage:
        """A gold passage of ``example``, else the one that shares most words with it; an empty one without any."""
        gold = next((self.by_id[name] for name in example.gold if name in self.by_id), None)
        if gold or not self.words:
            return gold or Passage("", "", "")
        asked = passage_words(f"{example.input} {example.outputs[0]}")
        return max(self.words, key=lambda held: overlap(asked, held[1]) / math.sqrt(len(held[1]) + 10))[0]


def _of_passages(name: str, reading: Reading[Passage]) -> FileAudit:
    lines = _lines(name, reading.places)
    twice = texts.doubled([h.title for h in reading.items], [h.text for h in reading.items])
    return _file(name, reading, [Group.of("text that stands twice", _both(lines, twice))])


def _of_pairs(name: str, reading: Reading[Example], xs: Sequence[str], everything: str) -> FileAudit:
    lines, pairs = _lines(name, reading.places), reading.items
    again = texts.doubled(xs, [e.outputs[0] for e in pairs])
    same = {i for i, _ in again}
    others = [(i, j) for i, j in texts.doubled(xs) if i not in same]
    remarks = [
        Group.of("pair that stands twice", _both(lines, again)),
        Group.of("question that stands twice, with another answer", _both(lines, others)),
        Group.of("answer that is a word for nothing, such as nan", [lines[i] for i in texts.blank(pairs)]),
    ]
    if everything:
        absent = [lines[i] for i in texts.nowhere(pairs, everything)]
        remarks.append(Group.of("answer that stands word for word in no passage", absent))
    return _file(name, reading, remarks)


def _file(name: str, reading: Reading[Passage] | Reading[Example], remarks: Sequence[Group]) -> FileAudit:
    remarks = [remark for remark in remarks if remark.count]
    kinds: dict[str, list[str]] = {}
    for problem in reading.problems:
        kinds.setdefault(problem.kind, []).append(problem.place)
    left = tuple(Group.of(reason, _lines(name, places)) for reason, places in reading.left_out.items())
    problems = tuple(Group.of(kind, _lines(name, places)) for kind, places in kinds.items())
    return FileAudit(name, reading.said, len(reading.items), problems, tuple(remarks), left, reading.unknown)


def _lines(name: str, places: Sequence[str]) -> list[str]:
    """Places within the file ``name``, which need not be named with each."""
    return [place.removeprefix(f"{name}:") for place in places]


def _both(lines: Sequence[str], found: Sequence[tuple[int, int]]) -> list[str]:
    """Each line with the line where the same stood first."""
    return [f"{lines[i]} (first {lines[j]})" for i, j in found]


def _spread(count: int) -> list[int]:
    return list(range(count)) if count <= SAMPLE else [i * count // SAMPLE for i in range(SAMPLE)]


def _passage_lengths(kb: Sequence[Passage], config: EncoderConfig) -> list[Lengths]:
    if not kb:
        return []
    encoder = load_encoder(config)
    counts = encoder.passage_lengths([kb[i] for i in _spread(len(kb))])
    return [Lengths.of("passages, as the retriever reads them", "encoder.max_length", encoder.passage_limit, counts)]


def _pair_lengths(
    examples: Sequence[Example], xs: Sequence[str], kb: Sequence[Passage], reader: Reader
) -> list[Lengths]:
    chosen, config = _spread(len(examples)), reader.config
    if not chosen:
        return []
    answers = [reader.answer(examples[i].outputs[0]) for i in chosen]
    found = [Lengths.of("answers", "generator.max_new_tokens", config.max_new_tokens, answers)]
    if kb:
        # With passages taken in turn: which passages a question gets is not known before training.
        prompts = [reader.prompt(xs[i], kb[n * len(kb) // len(chosen)]) for n, i in enumerate(chosen)]
        whole = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
        most = config.prompt.max_length
        found.append(Lengths.of("prompts with a passage and the answer", "generator.prompt.max_length", most, whole))
    return found
