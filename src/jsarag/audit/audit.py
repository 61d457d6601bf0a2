"""Files of pairs and passages, looked at before training: all faults at once, and what training would make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from jsarag.audit import texts
from jsarag.audit.lengths import Lengths, Reader, Shown
from jsarag.data import HistoryConfig, render
from jsarag.data.reading import Reading
from jsarag.models import EncoderConfig, GeneratorConfig, SentenceEncoder, load_encoder
from jsarag.types import Example, Passage

PLACES = 5
"""Places that are kept of each group."""
PAIRS = 3
"""Pairs that are shown."""
SAMPLE = 2000
"""Texts whose tokens are counted; of a larger file so many, evenly spread."""


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
    """

    path: str
    said: str
    items: int
    problems: tuple[Group, ...]
    remarks: tuple[Group, ...]


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


def audit(
    passages: Sequence[Reading[Passage]], pairs: Sequence[Reading[Example]], look: Look, *, models: bool = True
) -> Audit:
    """Look at files that were read.

    Args:
        passages: The knowledge base, where it is given.
        pairs: Files of pairs.
        look: How the models would read the files.
        models: Load tokenizers and count tokens; without, texts alone are looked at.

    Raises:
        InputError: a model of ``look`` cannot be had.
    """
    kb = [h for reading in passages for h in reading.items]
    inputs = [[render(example, look.history) for example in reading.items] for reading in pairs]
    files = [_of_passages(reading) for reading in passages]
    files += [_of_pairs(reading, xs, kb) for reading, xs in zip(pairs, inputs, strict=True)]
    across = tuple(
        Group.of(f"questions that {one.path} asks as well", [other.places[i] for i in texts.shared(xs, ys)])
        for (one, xs), (other, ys) in combinations(zip(pairs, inputs, strict=True), 2)
        if texts.shared(xs, ys)
    )
    if not models:
        return Audit(tuple(files), across)
    reader = Reader(look.generator)
    examples = [e for reading in pairs for e in reading.items]
    xs = [x for found in inputs for x in found]
    lengths = [*_passage_lengths(kb, look.encoder), *_pair_lengths(examples, xs, kb, reader)]
    held = Passages(kb)
    shown = [reader.show(e.id, x, e.outputs[0], held.best(e)) for e, x in zip(examples[:PAIRS], xs, strict=False)]
    return Audit(tuple(files), across, tuple(lengths), tuple(shown))


class Passages:
    """A knowledge base in which a pair's passage is looked up without a model."""

    def __init__(self, kb: Sequence[Passage]) -> None:
        """Index the passages by id."""
        self.kb = kb
        self.by_id = {h.id: h for h in kb}

    def best(self, example: Example) -> Passage:
        """A gold passage of ``example``, else the first that holds an answer, else the first; empty without any."""
        gold = [self.by_id[name] for name in example.gold if name in self.by_id]
        holding = (h for h in self.kb if any(y.casefold() in h.text.casefold() for y in example.outputs))
        return next(iter(gold), None) or next(holding, None) or next(iter(self.kb), Passage("", "", ""))


def _of_passages(reading: Reading[Passage]) -> FileAudit:
    twice = texts.doubled([f"{h.title}\n{h.text}" for h in reading.items])
    remarks = [Group.of("texts that stand twice", _both(reading, twice))] if twice else []
    return _file(reading, remarks)


def _of_pairs(reading: Reading[Example], xs: Sequence[str], kb: Sequence[Passage]) -> FileAudit:
    answers = [example.outputs[0] for example in reading.items]
    again = texts.doubled([f"{x}\0{y}" for x, y in zip(xs, answers, strict=True)])
    same = {i for i, _ in again}
    others = [(i, j) for i, j in texts.doubled(xs) if i not in same]
    remarks = [
        Group.of("pairs that stand twice", _both(reading, again)),
        Group.of("questions that stand twice, with another answer", _both(reading, others)),
        Group.of("answers that are a word for nothing, such as nan", [reading.places[i] for i in texts.blank(reading.items)]),
    ]
    if kb:
        absent = [reading.places[i] for i in texts.nowhere(reading.items, kb)]
        remarks.append(Group.of(f"answers of {len(reading.items):,} that stand word for word in no passage", absent))
    return _file(reading, [remark for remark in remarks if remark.count])


def _file(reading: Reading[Passage] | Reading[Example], remarks: Sequence[Group]) -> FileAudit:
    kinds: dict[str, list[str]] = {}
    for problem in reading.problems:
        kinds.setdefault(problem.kind, []).append(problem.place)
    left = [Group.of(f"left out: {reason}", places) for reason, places in reading.left_out.items()]
    unknown = [Group.of("fields that are not read", reading.unknown)] if reading.unknown else []
    problems = tuple(Group.of(kind, places) for kind, places in kinds.items())
    return FileAudit(reading.path, reading.said, len(reading.items), problems, (*left, *unknown, *remarks))


def _both(reading: Reading[Passage] | Reading[Example], found: Sequence[tuple[int, int]]) -> list[str]:
    """Each place with the line where the same stood first."""
    return [f"{reading.places[i]} (first at {reading.places[j].rpartition(':')[2]})" for i, j in found]


def _spread(count: int) -> list[int]:
    return list(range(count)) if count <= SAMPLE else [i * count // SAMPLE for i in range(SAMPLE)]


def _passage_lengths(kb: Sequence[Passage], config: EncoderConfig) -> list[Lengths]:
    if not kb:
        return []
    encoder = load_encoder(config)
    if not isinstance(encoder, SentenceEncoder):
        return []
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
        found.append(
            Lengths.of("prompts with a passage and the answer", "generator.prompt.max_length", config.prompt.max_length, whole)
        )
    return found
